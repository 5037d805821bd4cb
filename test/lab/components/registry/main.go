// Command registry serves container images over plain HTTP, to a node and to tests. Repositories below "private/" need
// a user and a password, all others nothing. At start it holds one image, the sandbox of pods.
//
//	registry --listen 10.0.0.2:5000 --dir /var/lib/registry --pause /usr/bin/pause --user name --password word
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:5000", "address")
	dir := flag.String("dir", "", "folder of the images' layers")
	pause := flag.String("pause", "", "program of the image pause:1")
	user := flag.String("user", "", "who may use repositories below private/")
	password := flag.String("password", "", "the password of that user")
	flag.Parse()
	if err := serve(*listen, *dir, *pause, *user, *password); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

func serve(listen, dir, pause, user, password string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err // names the address itself
	}
	images := registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)), registry.Logger(log.New(os.Stdout, "", log.LstdFlags)))
	served := make(chan error, 1)
	go func() { served <- http.Serve(listener, authenticated(images, user, password)) }()
	if err := pushPause(context.Background(), listener.Addr().String(), pause); err != nil {
		return err
	}
	fmt.Println("ready")
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// authenticated asks for the user where one is needed. Also at /v2/, where clients look whether and how to
// authenticate: one that finds it open never sends what it knows.
func authenticated(next http.Handler, user, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" || strings.HasPrefix(r.URL.Path, "/v2/private/") {
			if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
				w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusUnauthorized)
				fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
