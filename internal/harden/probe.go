package harden

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// A ProbeKey names one container of one live pod.
type ProbeKey struct {
	Pod       types.UID
	Container string
}

// A Probe is one look into one running container.
type Probe struct {
	Pod     string // name
	Known   bool   // otherwise Why says why nothing is known
	Why     string
	Time    time.Time
	Started time.Time // when the container started: what was seen happened since
	// Via says how: "exec", or "ephemeral container NAME", which stays in the pod.
	Via string

	Processes []Process
	Listeners []Socket // sockets that wait for peers, in the pod's network namespace
	Peers     []Socket // connections that were open, in the pod's network namespace
	// Written are files on the root file system (not on volumes) that are open
	// for writing or were changed after the container started: absolute paths,
	// sorted, without duplicates. A path that ends with / is a directory in which
	// something was made or removed, or that was changed itself.
	Written []string
	// Cut says that there were more written files than were kept.
	Cut bool
	// Volumes are the mount points other than the root that are writable.
	Volumes []string
	// RawSockets says that a raw or packet socket is open.
	RawSockets bool
	// Gaps are what this look could not see: nothing may be concluded from its absence.
	Gaps []ProbeGap
}

// A ProbeGap is something that a look could not see, for a reason.
type ProbeGap struct {
	Of  ProbePart
	Why string // such as: the image has no find
}

// A ProbePart is a part of what a look shows.
type ProbePart string

// The parts that can be missing. Open and changed files are both in Written.
const (
	ProbeProcesses ProbePart = "processes"
	ProbeSockets   ProbePart = "sockets" // Listeners, Peers, RawSockets
	ProbeOpen      ProbePart = "files open for writing"
	ProbeChanged   ProbePart = "changed files"
	ProbeVolumes   ProbePart = "volumes"
)

// Gap tells why one of the parts is not fully known, or "".
func (p *Probe) Gap(parts ...ProbePart) string {
	for _, g := range p.Gaps {
		if slices.Contains(parts, g.Of) {
			return g.Why
		}
	}
	return ""
}

// A Process is what the kernel says about one process of a container.
type Process struct {
	PID     int
	Command string // name of the program (comm), without arguments
	// UID and GID are effective ones.
	UID, GID int64
	Groups   []int64
	// Capabilities held (effective or permitted) and the bounding set, as bit masks.
	Held, Bounding uint64
	NoNewPrivs     bool
	// Seccomp is the mode: 0 none, 1 strict, 2 filter.
	Seccomp int
}

// A Socket is one end of a connection, or a listener.
type Socket struct {
	Protocol string // tcp, udp
	Address  string // local address; 0.0.0.0 and :: stand for all
	Port     int    // local port
	Peer     string // ADDRESS:PORT; empty for a listener
}

// ProbesOf are the looks into the container of the workload's template, in
// those of its live pods that still run the image of the template.
func (i *Inventory) ProbesOf(w *Workload, c ContainerRef) []*Probe {
	var probes []*Probe
	spec := containerOf(&w.Template.Spec, c)
	if spec == nil {
		return nil
	}
	for _, pod := range w.Pods {
		own := containerOf(&pod.Spec, c)
		if own == nil || own.Image != spec.Image {
			continue
		}
		if p := i.Probes[ProbeKey{Pod: pod.UID, Container: c.Name}]; p != nil {
			probes = append(probes, p)
		}
	}
	return probes
}

// Kubelet is what is known about the configuration of one node's kubelet.
type Kubelet struct {
	Known          bool
	Why            string
	SeccompDefault bool
	Time           time.Time

	// AnonymousAuth says that requests without credentials are taken.
	AnonymousAuth bool
	// AuthorizationMode is Webhook or AlwaysAllow.
	AuthorizationMode string
	// ReadOnlyPort answers without credentials; 0 where there is none.
	ReadOnlyPort       int
	RotateCertificates bool
	// PodPidsLimit is how many processes a pod may have; 0 or less for no limit.
	PodPidsLimit int64
}
