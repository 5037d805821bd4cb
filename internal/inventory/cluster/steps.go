package cluster

import "sync"

// steps count what is read. A nil one tells nobody.
type steps struct {
	progress func(done, total int)

	mu          sync.Mutex
	read, known int
}

func (s *steps) ahead(n int) { s.count(0, n) }

func (s *steps) done() { s.count(1, 0) }

func (s *steps) count(read, known int) {
	if s == nil || s.progress == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read += read
	s.known += known
	s.progress(s.read, s.known)
}
