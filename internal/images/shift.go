package images

import (
	"context"
	"fmt"
	"time"
)

// grace is how much longer than its time an image may take before the process
// that looks into it is ended: it should notice by itself, and say more.
const grace = 10 * time.Second

func errTimeout(timeout time.Duration) error {
	return fmt.Errorf("it took longer than %s, see --image-timeout", timeout)
}

// A shift is the life of one child process.
type shift struct {
	scanner  *Scanner
	child    *child
	each     func(Looked)
	wanted   []Wanted
	next     int
	running  map[int]*time.Timer // by index of wanted
	resolved chan Task           // tasks with their credentials
	resolves int                 // tasks that wait for credentials
	overdue  chan int
}

// shift lets one child process look into images until all are done or the
// process has ended. Lost are those that it was looking into then, left are
// those that were not begun.
func (s *Scanner) shift(ctx context.Context, wanted []Wanted, parallel int, each func(Looked)) (lost []loss, left []Wanted, err error) {
	child, err := s.start(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer child.stop()
	work := &shift{
		scanner: s, child: child, each: each, wanted: wanted, running: map[int]*time.Timer{},
		resolved: make(chan Task, len(wanted)), overdue: make(chan int, len(wanted)),
	}
	defer work.stopTimers()
	return work.run(ctx, parallel)
}

func (w *shift) run(ctx context.Context, parallel int) (lost []loss, left []Wanted, err error) {
	for done := 0; done < len(w.wanted); {
		for len(w.running)+w.resolves < parallel && w.next < len(w.wanted) {
			w.resolve(ctx)
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case task := <-w.resolved:
			w.resolves--
			w.send(task)
		case id := <-w.overdue:
			if _, ok := w.running[id]; !ok {
				continue
			}
			// It does not listen. Those beside it are not to blame.
			w.end(id)
			w.each(w.scanner.given(loss{w.wanted[id], errTimeout(w.scanner.options.Timeout).Error()}))
			lost, left := w.unfinished("")
			return lost, left, nil
		case a, ok := <-w.child.answers:
			if !ok {
				reason := w.child.reason(w.scanner.options.Memory)
				// Another one would do no better.
				if done == 0 && len(w.running) == 0 {
					return nil, nil, fmt.Errorf("the process that looks into images ended before it did anything: %s", reason)
				}
				lost, left := w.unfinished(reason)
				return lost, left, nil
			}
			if _, ok := w.running[a.ID]; !ok || a.Looked == nil {
				continue
			}
			w.end(a.ID)
			done++
			w.each(*a.Looked)
		}
	}
	return nil, nil, nil
}

// resolve asks for the credentials of the next image; helpers may take their time.
func (w *shift) resolve(ctx context.Context) {
	id := w.next
	w.next++
	w.resolves++
	go func() {
		want := w.wanted[id]
		w.resolved <- Task{ID: id, Key: want.Key, Credentials: w.scanner.reader.resolve(ctx, want.Key, want.Credentials), Scan: want.Scan, SBOM: want.SBOM}
	}()
}

func (w *shift) send(task Task) {
	w.running[task.ID] = time.AfterFunc(w.scanner.options.Timeout+w.scanner.grace, func() { w.overdue <- task.ID })
	// A write fails when the process is gone, which the answers tell.
	_ = w.child.tasks.Encode(task)
}

func (w *shift) end(id int) {
	w.running[id].Stop()
	delete(w.running, id)
}

func (w *shift) stopTimers() {
	for _, t := range w.running {
		t.Stop()
	}
}

// unfinished are the images that were begun and have no answer, and those that
// were not begun. Order does not matter: results come as they come.
func (w *shift) unfinished(why string) (lost []loss, left []Wanted) {
	for id := range w.running {
		lost = append(lost, loss{w.wanted[id], why})
	}
	for range w.resolves {
		task := <-w.resolved
		left = append(left, w.wanted[task.ID])
	}
	return lost, append(left, w.wanted[w.next:]...)
}
