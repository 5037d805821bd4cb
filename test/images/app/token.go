//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// serviceAccount is where the kubelet mounts the token (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/).
	serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"
	callEvery      = 3 * time.Second
)

// callAPIServer asks for the server's version as the pod's service account, again and again; a change of what comes of it
// is logged.
func (s *server) callAPIServer(ctx context.Context) {
	last := ""
	every(ctx, callEvery, func() {
		err := askVersion(ctx, serviceAccount, os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
		s.known.Store(err == nil)
		message := "the API server knows us"
		if err != nil {
			message = "calling the API server: " + err.Error()
		}
		if message != last {
			log.Print(message)
		}
		last = message
	})
}

// askVersion reads the token anew each time, since the kubelet renews it. /version may be read by anybody, but a token that
// is wrong is refused even there.
func askVersion(ctx context.Context, folder, host, port string) error {
	token, err := os.ReadFile(filepath.Join(folder, "token"))
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+net.JoinHostPort(host, port)+"/version", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /version: %s", response.Status)
	}
	return nil
}
