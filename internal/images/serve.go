package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Worker does the tasks of a child process; in parallel.
type Worker interface {
	Look(ctx context.Context, task Task) Looked
}

// Serve is the child process: it makes a worker as the first line of its stdin
// says, and does the tasks of the lines that follow, until its parent closes
// stdin or is gone. It returns the exit code.
func Serve(start func(Settings) (Worker, error)) int {
	// Nothing that prints may get between the lines of the protocol.
	out := os.Stdout
	os.Stdout = os.Stderr
	s := server{lines: json.NewEncoder(out)}
	in := json.NewDecoder(os.Stdin)
	var settings Settings
	if err := in.Decode(&settings); err != nil {
		fmt.Fprintln(os.Stderr, "this is run by the program itself, to look into images")
		return 2
	}
	defer os.RemoveAll(os.Getenv(workVariable))
	worker, err := s.start(settings, start)
	if err != nil {
		s.say(answer{Protocol: protocol, Failed: err.Error()})
		return 2
	}
	s.say(answer{Protocol: protocol})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		var task Task
		if err := in.Decode(&task); err != nil {
			// Tasks that are still done are of no use to anybody.
			if errors.Is(err, io.EOF) {
				return 0
			}
			return 2
		}
		go s.do(ctx, worker, task, settings)
	}
}

type server struct {
	mu    sync.Mutex
	lines *json.Encoder
}

func (s *server) start(settings Settings, start func(Settings) (Worker, error)) (Worker, error) {
	if settings.Protocol != protocol {
		return nil, errors.New("the program was replaced while it ran: start it again")
	}
	// The collector works harder before the limit of the system ends the process.
	debug.SetMemoryLimit(settings.Memory * 4 / 5)
	if err := limitMemory(settings.Memory); err != nil {
		return nil, fmt.Errorf("limiting its memory: %w", err)
	}
	return start(settings)
}

func (s *server) do(ctx context.Context, worker Worker, task Task, settings Settings) {
	ctx, cancel := context.WithTimeoutCause(ctx, settings.Timeout, errTimeout(settings.Timeout))
	defer cancel()
	looked := worker.Look(ctx, task)
	looked.Key = task.Key
	s.say(answer{ID: task.ID, Looked: &looked})
}

func (s *server) say(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// When nobody listens any more, stdin ends too.
	_ = s.lines.Encode(a)
}

// NewWorkerReader makes the Reader of a child process.
func NewWorkerReader(s Settings) *Reader {
	return New(Options{Insecure: s.Insecure, Offline: s.Offline, Mirrors: s.Mirrors, CacheDir: s.CacheDir, Limits: s.Limits, Silence: s.Silence, Wait: s.Wait, Keychain: authn.NewMultiKeychain()})
}

// NotScanned is the scan of an image that could not be scanned.
func NotScanned(key harden.ImageKey, why string) *harden.ImageScan {
	return &harden.ImageScan{Platform: key.Platform, Why: why}
}
