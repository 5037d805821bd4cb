//go:build unix

package e2e

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A proxy stands between the program and an API server, and can be cut.
type proxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

// proxyTo returns a proxy, and the kubeconfig of somebody who goes through it.
func proxyTo(t *testing.T, u *user) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := u.lab.Server()
	p := &proxy{Listener: l, to: strings.TrimPrefix(server, "https://"), conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		l.Close()
		p.cut(true)
	})
	go p.serve()
	data, err := os.ReadFile(u.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	u.kubeconfig = filepath.Join(u.home, "through-proxy")
	if err := os.WriteFile(u.kubeconfig, []byte(strings.ReplaceAll(string(data), server, "https://"+l.Addr().String())), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// cut ends all connections; with down new ones are ended at once.
func (p *proxy) cut(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *proxy) serve() {
	for {
		in, err := p.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			in.Close()
			continue
		}
		p.mu.Lock()
		if p.down {
			in.Close()
			out.Close()
		} else {
			p.conns[in], p.conns[out] = true, true
		}
		p.mu.Unlock()
		for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
			go func() {
				_, _ = io.Copy(way[0], way[1])
				way[0].Close()
				way[1].Close()
			}()
		}
	}
}

// silentServer takes connections and says nothing.
func silentServer(t testing.TB) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
