// Command hello says that it is there, on its standard output and on port 8080. With arguments it does something else:
//
//	hello fail WORD   say so and exit with code 1
//	hello get URL     print the answer; https is that of the API server
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "get" {
		return get(os.ExpandEnv(args[1]))
	}
	if len(args) > 0 {
		return fmt.Errorf("failing: %s", args)
	}
	fmt.Println("hello, user", os.Getuid())
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		fmt.Fprintln(w, "hello from", name)
	})
	return http.ListenAndServe(":8080", nil)
}

func get(url string) error {
	roots := x509.NewCertPool()
	ca, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
	if err != nil {
		return err
	}
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}
