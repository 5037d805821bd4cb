package flows

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// references finds whom the workloads name in their environment, commands and
// configuration (E-ENV). Values are never quoted, only the hosts in them.
func (f *finder) references() {
	for _, w := range f.inv.Workloads {
		if w.Finished {
			continue
		}
		from := harden.WorkloadPeer(w.Ref)
		for _, t := range f.texts(w) {
			f.refer(w, from, t)
		}
	}
}

func (f *finder) refer(w *harden.Workload, from harden.Peer, t text) {
	if slices.Contains(noKeys, t.key) {
		return
	}
	for _, m := range mentions(t.value) {
		f.mentioned(w, from, t, m)
	}
	if !keepsSecret(t.key) {
		f.bare(w, from, t)
	}
	f.injectedNames(w, from, t)
}

// mentioned is a host in a URL, a Data Source Name, or beside a port.
func (f *finder) mentioned(w *harden.Workload, from harden.Peer, t text, m mention) {
	quoted := strconv.Quote(join(m))
	if keepsSecret(t.key) || m.masked {
		quoted = "a Service"
	}
	if apiName(m.host) {
		f.addAll(from, f.apiServer(), declared, "E-ENV", fmt.Sprintf("%s names the API server", t.where))
		return
	}
	if s := f.service(m.host, w.Ref.Namespace); s != nil {
		sure, targets := declared, f.targets(s, servicePort{number: m.port})
		if len(targets) == 0 {
			targets = f.targets(s, servicePort{})
			if m.port != 0 && !m.usual {
				sure = guess // the Service has no such port: as it stands, nothing answers
			}
		}
		f.addAll(from, targets, sure, "E-ENV", fmt.Sprintf("%s names %s, Service %s", t.where, quoted, serviceName(s, w.Ref.Namespace)))
		return
	}
	port := harden.Port{Protocol: corev1.ProtocolTCP, Number: cmp.Or(m.port, 443)}
	if a, ok := address(m.host); ok {
		for _, target := range f.atAddress(a, port) {
			if target.peer.Kind == harden.PeerInternet {
				target.peer = blockOf(a)
			}
			f.add(from, target, declared, "E-ENV", fmt.Sprintf("%s names %s", t.where, quoted))
		}
		return
	}
	f.host(w, t, m, port, quoted)
}

// host is a name that no Service has.
func (f *finder) host(w *harden.Workload, t text, m mention, port harden.Port, quoted string) {
	from := harden.WorkloadPeer(w.Ref)
	switch {
	case m.masked || m.host == "localhost" || clusterName(m.host):
		return
	case outsideName(m.host) && (m.url || !t.file):
	case m.url && !strings.Contains(m.host, ".") && !t.file:
		f.add(from, hostTarget(m.host, port), guess, "E-ENV", fmt.Sprintf("%s names %s, and no Service has the name", t.where, quoted))
		return
	default:
		return
	}
	sure := declared
	if f.answersFor(w, m.host) || hasAny(words(t.key), ownWords) {
		sure = guess // its own name, as browsers know it
	}
	if keepsSecret(t.key) {
		quoted = "a host"
	}
	f.add(from, hostTarget(m.host, port), sure, "E-ENV", fmt.Sprintf("%s names %s", t.where, quoted))
}

// bare is a value that is a name and nothing else. By its variable's name it is
// a host; otherwise it may only look like one.
func (f *finder) bare(w *harden.Workload, from harden.Peer, t text) {
	for _, value := range strings.Split(strings.TrimSpace(t.value), ",") {
		host := cleanHost(strings.TrimSpace(value))
		if host == "" || len(host) > 253 || host == "localhost" {
			continue
		}
		a, isAddress := address(host)
		if !isAddress && !hostForm.MatchString(host) || strings.Trim(host, "0123456789") == "" {
			continue
		}
		var beside int32
		if len(t.pairs) > 0 && namesHost(t.key) {
			beside = portBeside(t.pairs, t.at)
		}
		switch s := f.service(host, w.Ref.Namespace); {
		case apiName(host):
			f.addAll(from, f.apiServer(), declared, "E-ENV", fmt.Sprintf("%s names the API server", t.where))
		case s != nil:
			f.bareService(w, from, t, host, s, beside)
		case isAddress:
			if namesHost(t.key) && beside != 0 {
				f.mentioned(w, from, t, mention{host: a.String(), port: beside})
			}
		case namesHost(t.key):
			f.host(w, t, mention{host: host, port: beside, url: !t.file}, harden.Port{Protocol: corev1.ProtocolTCP, Number: cmp.Or(beside, 443)}, strconv.Quote(host))
		}
	}
}

func (f *finder) bareService(w *harden.Workload, from harden.Peer, t text, host string, s *corev1.Service, beside int32) {
	own := slices.ContainsFunc(f.selected(s.Namespace, s.Spec.Selector), func(o *harden.Workload) bool { return o == w })
	if own || t.key == "" {
		return // its own name; or a word of a command
	}
	sure := guess
	if namesHost(t.key) || strings.Contains(host, ".") || strings.EqualFold(strings.Join(words(t.key), "-"), s.Name) || slices.Contains(words(t.key), "service") && !slices.Contains(words(t.key), "name") {
		sure = declared
	}
	targets := f.targets(s, servicePort{number: beside})
	if len(targets) == 0 {
		targets = f.targets(s, servicePort{})
	}
	what := "is"
	if sure == guess {
		what = "looks like"
	}
	f.addAll(from, targets, sure, "E-ENV", fmt.Sprintf("%s %s %q, Service %s", t.where, what, host, serviceName(s, w.Ref.Namespace)))
}

// serviceVariable are those that the kubelet sets for each Service of the namespace.
var serviceVariable = regexp.MustCompile(`\b([A-Z][A-Z0-9_]*?)_(?:SERVICE_HOST|PORT_[0-9]+_(?:TCP|UDP)_ADDR)\b`)

// injectedNames are uses of NAME_SERVICE_HOST and its like.
func (f *finder) injectedNames(w *harden.Workload, from harden.Peer, t text) {
	for _, m := range serviceVariable.FindAllStringSubmatch(t.value, -1) {
		if m[1] == "KUBERNETES" {
			f.addAll(from, f.apiServer(), declared, "E-ENV", fmt.Sprintf("%s uses %s", t.where, m[0]))
		}
		for _, s := range f.inv.Net.Services {
			if s.Namespace != w.Ref.Namespace || strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) != m[1] {
				continue
			}
			f.addAll(from, f.targets(s, servicePort{}), declared, "E-ENV", fmt.Sprintf("%s uses %s, Service %s", t.where, m[0], s.Name))
		}
	}
}

// service resolves a name as the DNS of the cluster would for a pod of the
// namespace: SERVICE, SERVICE.NAMESPACE, either with .svc or .svc.DOMAIN, and
// POD.SERVICE in front of each where the Service is headless.
func (x *index) service(host, namespace string) *corev1.Service {
	parts := strings.Split(host, ".")
	at := slices.Index(parts, "svc")
	if at >= 2 {
		parts = parts[:at]
	}
	switch len(parts) {
	case 1:
		return x.inv.Net.Service(namespace, parts[0])
	case 2:
		if s := x.inv.Net.Service(parts[1], parts[0]); s != nil {
			return s
		}
		if at < 0 {
			return x.headless(namespace, parts[1])
		}
	case 3:
		return x.headless(parts[2], parts[1])
	}
	return nil
}

func (x *index) headless(namespace, service string) *corev1.Service {
	if s := x.inv.Net.Service(namespace, service); s != nil && s.Spec.ClusterIP == corev1.ClusterIPNone {
		return s
	}
	return nil
}

// apiName reports whether a name is one of the API server's within a cluster.
func apiName(host string) bool {
	return host == "kubernetes.default" || host == "kubernetes.default.svc" || strings.HasPrefix(host, "kubernetes.default.svc.")
}

// clusterName reports whether a name can only be one of a cluster's DNS.
func clusterName(host string) bool {
	return strings.HasSuffix(host, ".svc") || strings.Contains(host, ".svc.") || strings.HasSuffix(host, ".cluster.local")
}

func serviceName(s *corev1.Service, from string) string {
	if s.Namespace == from {
		return s.Name
	}
	return s.Namespace + "/" + s.Name
}

func join(m mention) string {
	if m.port == 0 || m.usual {
		return m.host
	}
	if strings.Contains(m.host, ":") {
		return fmt.Sprintf("[%s]:%d", m.host, m.port)
	}
	return fmt.Sprintf("%s:%d", m.host, m.port)
}
