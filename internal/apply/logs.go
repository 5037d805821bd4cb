package apply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/symptom"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Bounds of what is read, so that a chatty workload of hundreds of pods costs no
// more than a few requests.
const (
	maxLogPods     = 10        // pods of which logs are read at a look
	maxLogBytes    = 256 << 10 // of one container at a look
	maxStartBytes  = 64 << 10  // of the beginning of an old container's log
	maxLogLines    = 1000      // of the last minutes of an old container, or of the end of one that crashed
	baselineSince  = 600       // seconds
	parallelLogs   = 8
	logTimeout     = 10 * time.Second
	nodeFailures   = 2  // after which a node is left in peace for a while
	nodeRest       = 16 // how many reads that is
	maxLogSymptoms = 10 // of one look
)

// logs reads what the containers of a workload say, through pods/log, and finds
// symptoms in it that were not there before the change. Not being able to read is
// no failure; why says it.
type logs struct {
	applier *Applier
	noise   map[string]bool // hashes of the symptoms of before
	// find tells which lines are symptoms: symptom.Read, or ReadToken where the
	// change is about the token.
	find func(line string) (harden.Symptom, bool)
	pods int             // of how many pods logs are read at a look
	told map[string]bool // by container and hash: what scan has returned

	mu        sync.Mutex
	upTo      map[instance]time.Time // what was read already
	ended     map[instance]bool      // instances that are read to their end
	forbidden string                 // why no logs may be read
	broken    map[string]*brokenNode
}

// A brokenNode is a node of which logs could not be read lately.
type brokenNode struct {
	failures, rest int
	why            string
}

// An instance is one run of a container.
type instance struct {
	pod       types.UID
	container string
	restarts  int32
}

// newLogs makes a reader for a change of the places, with the noise of before.
func (a *Applier) newLogs(noise []string, places []harden.Path) *logs {
	l := &logs{applier: a, find: symptom.Read, pods: maxLogPods, told: map[string]bool{}, noise: map[string]bool{}, upTo: map[instance]time.Time{}, ended: map[instance]bool{}, broken: map[string]*brokenNode{}}
	if slices.ContainsFunc(places, aboutToken) {
		l.find = symptom.ReadToken
	}
	for _, n := range noise {
		l.noise[n] = true
	}
	return l
}

func aboutToken(path harden.Path) bool {
	last := path[len(path)-1].FieldName
	return last != nil && (*last == "automountServiceAccountToken" || *last == "serviceAccountName")
}

// hash stands for a symptom in the journal: log lines may hold anything, so none is kept.
func hash(s harden.Symptom) string {
	sum := sha256.Sum256([]byte(symptom.Key(s)))
	return hex.EncodeToString(sum[:])[:16]
}

// before hashes the symptoms that the pods show while all is well: in the
// beginning of their logs, where programs complain as they start, and in the last
// minutes.
func (l *logs) before(ctx context.Context, pods []corev1.Pod) []string {
	start, lines, since, limit := int64(maxStartBytes), int64(maxLogLines), int64(baselineSince), int64(maxLogBytes)
	var mu sync.Mutex
	var noise []string
	l.each(pods, func(p *corev1.Pod, s *corev1.ContainerStatus) {
		for _, options := range []corev1.PodLogOptions{{LimitBytes: &start}, {SinceSeconds: &since, TailLines: &lines, LimitBytes: &limit}} {
			options.Container = s.Name
			for _, line := range splitLines(l.read(ctx, p, &options)) {
				found, ok := l.find(line)
				if !ok {
					continue
				}
				mu.Lock()
				if h := hash(found); !slices.Contains(noise, h) {
					noise = append(noise, h)
				}
				mu.Unlock()
			}
		}
	})
	slices.Sort(noise)
	return noise
}

// scan reads what the containers have said since the last scan; what one pod said
// already, another need not repeat.
func (l *logs) scan(ctx context.Context, pods []corev1.Pod) []harden.Symptom {
	var mu sync.Mutex
	var found []harden.Symptom
	l.each(pods, func(p *corev1.Pod, s *corev1.ContainerStatus) {
		said := l.match(p, s, l.news(ctx, p, s))
		mu.Lock()
		defer mu.Unlock()
		found = append(found, said...)
	})
	slices.SortStableFunc(found, func(a, b harden.Symptom) int { return strings.Compare(a.Pod+" "+a.Container, b.Pod+" "+b.Container) })
	found = slices.DeleteFunc(found, func(s harden.Symptom) bool {
		key := s.Container + " " + hash(s)
		told := l.told[key]
		l.told[key] = true
		return told
	})
	return found[:min(len(found), maxLogSymptoms)]
}

// cause reads the end of the log of a container that failed: of the instance
// before when it was started again. It returns the symptoms in it, and its last line.
func (l *logs) cause(ctx context.Context, p *corev1.Pod, s *corev1.ContainerStatus) (found []harden.Symptom, last string) {
	lines, limit := int64(maxLogLines), int64(maxLogBytes)
	for _, previous := range []bool{true, false} {
		if previous && s.RestartCount == 0 {
			continue
		}
		all := splitLines(l.read(ctx, p, &corev1.PodLogOptions{Container: s.Name, Previous: previous, TailLines: &lines, LimitBytes: &limit}))
		if found = l.match(p, s, all); len(found) > 0 {
			return found, ""
		}
		for _, line := range slices.Backward(all) {
			if line = symptom.Clean(line); line != "" && last == "" {
				last = line
			}
		}
	}
	return nil, last
}

// match finds the symptoms that are new, each once.
func (l *logs) match(p *corev1.Pod, s *corev1.ContainerStatus, lines []string) []harden.Symptom {
	var found []harden.Symptom
	seen := map[string]bool{}
	for _, line := range lines {
		sign, ok := l.find(line)
		if !ok {
			continue
		}
		key := hash(sign)
		if l.noise[key] || seen[key] || len(found) == maxLogSymptoms {
			continue
		}
		seen[key] = true
		sign.Pod, sign.Container, sign.Image = p.Name, s.Name, imageOf(p, s.Name)
		found = append(found, sign)
	}
	return found
}

// each calls f for every container that has run, of the first pods.
func (l *logs) each(pods []corev1.Pod, f func(*corev1.Pod, *corev1.ContainerStatus)) {
	var g errgroup.Group
	g.SetLimit(parallelLogs)
	for i := range pods[:min(len(pods), l.pods)] {
		p := &pods[i]
		for _, s := range statusesOf(p) {
			if s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil {
				g.Go(func() error {
					f(p, &s)
					return nil
				})
			}
		}
	}
	_ = g.Wait() // f returns no error
}

// news are the lines since the last call, of the running instance and of the one
// before it.
func (l *logs) news(ctx context.Context, p *corev1.Pod, s *corev1.ContainerStatus) []string {
	var lines []string
	now := instance{p.UID, s.Name, s.RestartCount}
	if s.RestartCount > 0 {
		lines = l.instanceNews(ctx, p, instance{p.UID, s.Name, s.RestartCount - 1}, true, true)
	}
	if s.State.Waiting != nil {
		return lines
	}
	return append(lines, l.instanceNews(ctx, p, now, false, s.State.Terminated != nil)...)
}

func (l *logs) instanceNews(ctx context.Context, p *corev1.Pod, i instance, previous, ended bool) []string {
	l.mu.Lock()
	upTo, done := l.upTo[i], l.ended[i]
	l.mu.Unlock()
	if done {
		return nil
	}
	limit := int64(maxLogBytes)
	options := &corev1.PodLogOptions{Container: i.container, Previous: previous, Timestamps: true, LimitBytes: &limit}
	if !upTo.IsZero() {
		// The API takes whole seconds; what is read twice is left out below.
		options.SinceTime = &metav1.Time{Time: upTo}
	}
	data := l.read(ctx, p, options)
	cut := len(data) >= maxLogBytes
	if cut {
		data = data[:bytes.LastIndexByte(data, '\n')+1]
	}
	var lines []string
	last := upTo
	for _, line := range splitLines(data) {
		stamp, text, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			text = line
		} else if !at.After(upTo) {
			continue
		} else {
			last = at
		}
		lines = append(lines, text)
	}
	if cut && last.Equal(upTo) { // more than can be read was said in this second
		last = upTo.Truncate(time.Second).Add(time.Second)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.upTo[i], l.ended[i] = last, ended && !cut && data != nil
	return lines
}

func splitLines(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// read returns what it can, nil when nothing.
func (l *logs) read(ctx context.Context, p *corev1.Pod, options *corev1.PodLogOptions) []byte {
	if l.resting(p.Spec.NodeName) {
		return nil
	}
	timed, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	stream, err := l.applier.typed.CoreV1().Pods(p.Namespace).GetLogs(p.Name, options).Stream(timed)
	if err != nil {
		l.failed(ctx, p, err)
		return nil
	}
	defer stream.Close()
	data, err := io.ReadAll(io.LimitReader(stream, *options.LimitBytes))
	if err != nil && len(data) == 0 {
		l.failed(ctx, p, err)
		return nil
	}
	l.mu.Lock()
	delete(l.broken, p.Spec.NodeName)
	l.mu.Unlock()
	return data
}

// resting reports whether a read would be in vain: logs may not be read at all, or
// the node has just failed to give them. What is not read now is read later.
func (l *logs) resting(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.broken[node]
	switch {
	case l.forbidden != "":
		return true
	case n == nil || n.failures < nodeFailures:
		return false
	case n.rest == 0:
		n.failures = nodeFailures - 1 // one more try
		return false
	}
	n.rest--
	return true
}

// failed remembers why logs could not be read. A container that is not there yet
// or any more is no reason.
func (l *logs) failed(ctx context.Context, p *corev1.Pod, err error) {
	if ctx.Err() != nil || apierrors.IsBadRequest(err) || apierrors.IsNotFound(err) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if apierrors.IsForbidden(err) {
		l.forbidden = fmt.Sprintf("logs could not be read: %v", err)
		return
	}
	n := l.broken[p.Spec.NodeName]
	if n == nil {
		n = &brokenNode{}
		l.broken[p.Spec.NodeName] = n
	}
	n.failures++
	n.rest, n.why = nodeRest, fmt.Sprintf("logs could not be read on node %s: %v", p.Spec.NodeName, err)
}

// unread is why logs were not read to the end, where they were not; empty otherwise.
func (l *logs) unread() string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.forbidden != "" {
		return symptom.Clean(l.forbidden)
	}
	for _, node := range slices.Sorted(maps.Keys(l.broken)) {
		return symptom.Clean(l.broken[node].why)
	}
	return ""
}
