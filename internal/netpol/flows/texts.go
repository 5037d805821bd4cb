package flows

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A text is something in which a workload may name whom it talks to.
type text struct {
	where string // such as: env CACHE_ADDR of container api
	key   string // name of the variable or flag; empty for a file or a command
	value string
	file  bool
	pairs []pair // that stand beside it, itself among them
	at    int    // its place in pairs
}

// maxFile bounds how much of one file is looked at.
const maxFile = 1 << 20

// noPrograms end names of files in ConfigMaps that are shown to people, not read for addresses.
var noPrograms = []string{".html", ".htm", ".css", ".md", ".svg", ".sql", ".txt", ".crt", ".pem"}

// texts are all that a workload's template says, in its order.
func (x *index) texts(w *harden.Workload) []text {
	var out []text
	spec := &w.Template.Spec
	for _, c := range containers(spec) {
		env := x.environment(w.Ref.Namespace, c)
		for i, e := range env.pairs {
			where := fmt.Sprintf("%s of container %s", env.where[i], c.Name)
			out = append(out, text{where: where, key: e.key, value: e.value, pairs: env.pairs, at: i})
			if strings.ContainsRune(e.value, '=') && !keepsSecret(e.key) {
				out = append(out, pairTexts(where, e.value, true)...) // host=db port=5432, as libpq has it
			}
		}
		expand := env.expander()
		var args []string
		for _, a := range slices.Concat(c.Command, c.Args) {
			args = append(args, expand(a))
		}
		where := fmt.Sprintf("the command of container %s", c.Name)
		flags := flagPairs(args)
		for i, f := range flags {
			out = append(out, text{where: where, key: f.key, value: f.value, pairs: flags, at: i})
		}
		for _, a := range args {
			out = append(out, text{where: where, value: a})
		}
		for _, h := range execs(c) {
			for _, a := range h.Command {
				out = append(out, text{where: fmt.Sprintf("a hook or probe of container %s", c.Name), value: a})
			}
		}
	}
	for _, v := range spec.Volumes {
		for _, ref := range configVolumes(&v) {
			m := x.maps[name{w.Ref.Namespace, ref.name}]
			if m == nil {
				continue
			}
			for _, key := range slices.Sorted(maps.Keys(m.Data)) {
				if len(ref.keys) > 0 && !slices.Contains(ref.keys, key) {
					continue
				}
				if slices.ContainsFunc(noPrograms, func(end string) bool { return strings.HasSuffix(key, end) }) {
					continue
				}
				out = append(out, fileTexts(fmt.Sprintf("key %s of ConfigMap %s", key, m.Name), m.Data[key])...)
			}
		}
	}
	return out
}

// execs are the commands of probes and hooks, which run in the container.
func execs(c *corev1.Container) []*corev1.ExecAction {
	var out []*corev1.ExecAction
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if p != nil && p.Exec != nil {
			out = append(out, p.Exec)
		}
	}
	if c.Lifecycle != nil {
		for _, h := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
			if h != nil && h.Exec != nil {
				out = append(out, h.Exec)
			}
		}
	}
	return out
}

type configVolume struct {
	name string
	keys []string // empty: all
}

func configVolumes(v *corev1.Volume) []configVolume {
	keys := func(items []corev1.KeyToPath) []string {
		var out []string
		for _, i := range items {
			out = append(out, i.Key)
		}
		return out
	}
	var out []configVolume
	if v.ConfigMap != nil {
		out = append(out, configVolume{v.ConfigMap.Name, keys(v.ConfigMap.Items)})
	}
	if v.Projected != nil {
		for _, s := range v.Projected.Sources {
			if s.ConfigMap != nil {
				out = append(out, configVolume{s.ConfigMap.Name, keys(s.ConfigMap.Items)})
			}
		}
	}
	return out
}

type environment struct {
	pairs []pair
	where []string // of each pair
}

// environment is what is known of the variables of a container: not those from Secrets.
func (x *index) environment(namespace string, c *corev1.Container) environment {
	var e environment
	add := func(key, value, where string) {
		e.pairs = append(e.pairs, pair{key, value})
		e.where = append(e.where, where)
	}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef == nil {
			continue
		}
		if m := x.maps[name{namespace, from.ConfigMapRef.Name}]; m != nil {
			for _, key := range slices.Sorted(maps.Keys(m.Data)) {
				add(from.Prefix+key, m.Data[key], fmt.Sprintf("env %s (ConfigMap %s)", from.Prefix+key, m.Name))
			}
		}
	}
	expand := e.expander()
	for _, v := range c.Env {
		switch {
		case v.ValueFrom == nil:
			add(v.Name, expand(v.Value), "env "+v.Name)
			expand = e.expander()
		case v.ValueFrom.ConfigMapKeyRef != nil:
			ref := v.ValueFrom.ConfigMapKeyRef
			if m := x.maps[name{namespace, ref.Name}]; m != nil {
				add(v.Name, m.Data[ref.Key], fmt.Sprintf("env %s (ConfigMap %s)", v.Name, m.Name))
				expand = e.expander()
			}
		}
	}
	return e
}

var variable = regexp.MustCompile(`\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)`)

// expander replaces $(NAME), as the kubelet does. Values that look like
// credentials are left out.
func (e *environment) expander() func(string) string {
	values := map[string]string{}
	for _, p := range e.pairs {
		values[p.key] = p.value
	}
	return func(s string) string {
		return variable.ReplaceAllStringFunc(s, func(m string) string {
			if m == "$$" {
				return "$"
			}
			key := m[2 : len(m)-1]
			v, ok := values[key]
			switch {
			case !ok:
				return m
			case keepsSecret(key):
				return "secret"
			}
			return v
		})
	}
}

// flagPairs reads --flag=value, --flag value and NAME=value from a command.
func flagPairs(args []string) []pair {
	var all []string
	for _, a := range args {
		all = append(all, strings.Fields(a)...)
	}
	var out []pair
	for i, a := range all {
		a = strings.Trim(a, `"'`)
		flag := strings.HasPrefix(a, "-")
		k, v, has := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch {
		case has && k != "":
			out = append(out, pair{k, strings.Trim(v, `"'`)})
		case flag && i+1 < len(all) && !strings.HasPrefix(all[i+1], "-"):
			out = append(out, pair{k, strings.Trim(all[i+1], `"'`)})
		}
	}
	return out
}

var (
	pairForm = regexp.MustCompile(`([A-Za-z][A-Za-z0-9_.-]*)["']?\s*[:=]\s*["']?([A-Za-z0-9][A-Za-z0-9_.-]*)["']?(?:[\s,;]|$)`)
	// directive are those of nginx, HAProxy, Caddy, Apache and Redis that name another host.
	directive = regexp.MustCompile(`(?:^|[\s{;])(?:proxy_pass|fastcgi_pass|uwsgi_pass|grpc_pass|memcached_pass|reverse_proxy|ProxyPass|replicaof|slaveof)\s+([A-Za-z0-9][A-Za-z0-9_.-]*)(?:[\s;]|$)`)
	// serverLine is server HOST of nginx, and server NAME HOST of HAProxy.
	serverLine = regexp.MustCompile(`(?:^|[\s{;])server\s+([A-Za-z0-9][A-Za-z0-9_.-]*)(?:\s+([A-Za-z0-9][A-Za-z0-9_.-]*))?(?:[\s;]|$)`)
)

// fileTexts takes a file apart: its lines without comments, the pairs of names
// and values in it, and the directives that name others.
func fileTexts(where, data string) []text {
	if len(data) > maxFile {
		data = data[:maxFile]
	}
	var kept strings.Builder
	for line := range strings.Lines(data) {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, "//") || strings.HasPrefix(trimmed, ";") || strings.HasPrefix(trimmed, "<!--") {
			continue
		}
		kept.WriteString(line)
	}
	data = kept.String()
	out := append([]text{{where: where, value: data, file: true}}, pairTexts(where, data, true)...)
	for _, m := range slices.Concat(directive.FindAllStringSubmatch(data, -1), serverLine.FindAllStringSubmatch(data, -1)) {
		for _, host := range m[1:] {
			out = append(out, text{where: where, key: "upstream", value: host, file: true})
		}
	}
	return out
}

// pairTexts are the pairs of names and values in a text whose names are those of hosts.
func pairTexts(where, data string, file bool) []text {
	var pairs []pair
	for _, m := range pairForm.FindAllStringSubmatch(data, -1) {
		pairs = append(pairs, pair{m[1], m[2]})
	}
	var out []text
	for i, p := range pairs {
		if namesHost(p.key) {
			out = append(out, text{where: where, key: p.key, value: p.value, file: file, pairs: pairs, at: i})
		}
	}
	return out
}
