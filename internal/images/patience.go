package images

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// patience says how often a registry is asked again that has too much to do, or
// loses a connection.
type patience struct {
	tries int           // of one request, the first included
	first time.Duration // the wait after the first try, doubled after each; where the registry does not say how long
	most  time.Duration // a registry that wants more time than this is not waited for
}

var patient = patience{tries: 4, first: time.Second, most: time.Minute}

// worthAnother are the answers after which a request may succeed.
var worthAnother = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
	http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// after says whether to ask again, and how long to wait before.
func (p patience) after(try int, request *http.Request, response *http.Response, err error) (wait time.Duration, again bool) {
	if try >= p.tries || request.Method != http.MethodGet && request.Method != http.MethodHead || request.Context().Err() != nil {
		return 0, false
	}
	wait = p.first << (try - 1)
	// Images that were refused together should not come back together.
	wait += rand.N(wait/4 + 1)
	switch {
	case err != nil:
		return wait, errors.Is(err, io.EOF) || Cut(err)
	case !slices.Contains(worthAnother, response.StatusCode):
		return 0, false
	}
	if asked, ok := retryAfter(response.Header.Get("Retry-After"), response.Header.Get("Date")); ok {
		wait = max(wait, asked)
	}
	return wait, wait <= p.most
}

// retryAfter reads the header of that name: seconds, or a date, which counts from
// that of the answer (RFC 9110, 10.2.3).
func retryAfter(header, date string) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 1<<20)) * time.Second, true
	}
	until, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(date)
	if err != nil {
		return 0, false
	}
	return until.Sub(now), true
}

// Cut reports whether an error is a connection that broke: a layer may well come
// whole the next time.
func Cut(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
