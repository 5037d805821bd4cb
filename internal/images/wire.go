package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// A wire carries the requests for one image. It refuses plain HTTP where that
// is not allowed, redirects included, waits when a registry asks for it, gives up
// on one that falls silent, and bounds what one answer may send.
type wire struct {
	base      http.RoundTripper
	plainHTTP func(host string) bool
	silence   time.Duration
	patience  patience
	most      atomic.Int64 // bytes of one answer
}

// A refusedError is a request that did not leave.
type refusedError struct{ error }

// offline is the way to registries when none is to be asked.
type offline struct{}

func (offline) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		request.Body.Close()
	}
	return nil, refusedError{errors.New("it is not among what was kept, and no registry is asked when offline: run once without --offline")}
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && !w.plainHTTP(request.URL.Host) {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, refusedError{plainHTTPRefused(request.URL.Host)}
	}
	for try := 1; ; try++ {
		response, err := w.once(request)
		wait, again := w.patience.after(try, request, response, err)
		if !again {
			return response, err
		}
		if response != nil {
			_ = response.Body.Close()
		}
		select {
		case <-request.Context().Done():
			return nil, context.Cause(request.Context())
		case <-time.After(wait):
		}
	}
}

func (w *wire) once(request *http.Request) (*http.Response, error) {
	silent := fmt.Errorf("the registry sent nothing for %s", w.silence)
	ctx, cancel := context.WithCancelCause(request.Context())
	b := &body{ctx: ctx, cancel: cancel, silence: w.silence, left: w.most.Load(), most: w.most.Load()}
	b.timer = time.AfterFunc(w.silence, func() { cancel(silent) })
	response, err := w.base.RoundTrip(request.WithContext(ctx))
	b.timer.Stop()
	if err != nil {
		err = b.explain(err)
		cancel(nil)
		return nil, err
	}
	b.inner = response.Body
	response.Body = b
	return response, nil
}

type body struct {
	inner      io.ReadCloser
	ctx        context.Context
	cancel     context.CancelCauseFunc
	timer      *time.Timer
	silence    time.Duration
	left, most int64
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.silence)
	n, err := b.inner.Read(p)
	b.timer.Stop()
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge("the registry sent more than %s in one answer", size(b.most))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.explain(err)
	}
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	err := b.inner.Close()
	b.cancel(nil)
	return err
}

// explain says why the request was cancelled, when it was.
func (b *body) explain(err error) error {
	if cause := context.Cause(b.ctx); cause != nil {
		return cause
	}
	return err
}
