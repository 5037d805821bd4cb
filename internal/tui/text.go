package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const ellipsis = "…"

// clean makes text from outside fit for one line of a terminal.
func clean(s string) string { return harden.OneLine(s) }

// fit cuts or pads to exactly w cells.
func fit(s string, w int) string {
	if w <= 0 {
		return ""
	}
	s = clean(s)
	n := widthOf(s)
	if n > w {
		s = ansi.Truncate(s, w, ellipsis)
		n = widthOf(s)
	}
	return s + strings.Repeat(" ", max(0, w-n))
}

// fitRight is fit with the padding on the left.
func fitRight(s string, w int) string {
	if w <= 0 {
		return ""
	}
	s = clean(s)
	if n := widthOf(s); n < w {
		return strings.Repeat(" ", w-n) + s
	}
	return fit(s, w)
}

// fitEnd is fit that cuts the name of an image or object on the left, between its
// parts where one fits: its end tells it apart.
func fitEnd(name string, w int) string {
	name = clean(name)
	n := widthOf(name)
	if n <= w || w <= 1 {
		return fit(name, w)
	}
	for rest := name; ; {
		_, tail, ok := strings.Cut(rest, "/")
		if !ok {
			return ansi.TruncateLeft(name, n-w+1, ellipsis)
		}
		if widthOf(tail)+2 <= w {
			return fit(ellipsis+"/"+tail, w)
		}
		rest = tail
	}
}

// clip cuts or pads styled text to exactly w cells.
func clip(s string, w int) string {
	if w <= 0 {
		return ""
	}
	n := widthOf(s)
	if n > w {
		s = ansi.Truncate(s, w, ellipsis)
		n = widthOf(s)
	}
	if n < w {
		s += strings.Repeat(" ", w-n)
	}
	return s
}

// wrap breaks plain text into lines of at most w cells. Line breaks in the text
// stay. Long words, such as field paths, are broken where their parts meet.
func wrap(s string, w int) []string {
	w = max(w, 1)
	var out []string
	for _, text := range strings.Split(s, "\n") {
		line, n := "", 0
		put := func(part string) {
			pw := widthOf(part)
			if n > 0 && n+pw > w {
				out = append(out, strings.TrimRight(line, " "))
				line, n = "", 0
				part = strings.TrimLeft(part, " ")
				pw = widthOf(part)
			}
			for pw > w {
				head := ansi.Truncate(part, w, "")
				if head == "" {
					break // a rune wider than the line
				}
				out = append(out, head)
				part = part[len(head):]
				pw = widthOf(part)
			}
			line, n = line+part, n+pw
		}
		for i, word := range strings.Split(clean(text), " ") {
			lead := " "
			if i == 0 {
				lead = ""
			}
			for k, part := range wordParts(word) {
				if k > 0 {
					lead = ""
				}
				put(lead + part)
			}
		}
		out = append(out, line)
	}
	return out
}

const longWord = 20

// wordParts cuts a long word before dots and brackets and after slashes,
// hyphens and commas.
func wordParts(s string) []string {
	if len(s) <= longWord {
		return []string{s}
	}
	var parts []string
	from := 0
	for i := 1; i < len(s); i++ {
		if strings.IndexByte(".[", s[i]) >= 0 || strings.IndexByte("/-,", s[i-1]) >= 0 {
			parts = append(parts, s[from:i])
			from = i
		}
	}
	return append(parts, s[from:])
}

// overlay puts a box on a screen of lines, with its left upper corner at x, y.
func overlay(lines, box []string, x, y, w int) {
	for i, b := range box {
		if y+i < 0 || y+i >= len(lines) {
			continue
		}
		under := lines[y+i]
		bw := widthOf(b)
		left := clip(ansi.Cut(under, 0, x), x)
		// A wide rune under the edge of the box cannot be cut in two: a blank
		// stands for the half that is left.
		room := max(0, w-x-bw)
		right := ansi.Cut(under, x+bw, w)
		if widthOf(right) > room {
			right = " " + ansi.Cut(under, x+bw+1, w)
		}
		lines[y+i] = left + "\x1b[m" + b + clip(right, room)
	}
}

// plural is "1 fix" or "2 fixes".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return itoa(n) + " " + many
}

// pluralKind is the plural of a Kubernetes kind: Deployments, NetworkPolicies.
func pluralKind(kind string) string {
	switch {
	case strings.HasSuffix(kind, "y"):
		return kind[:len(kind)-1] + "ies"
	case strings.HasSuffix(kind, "s"):
		return kind + "es"
	default:
		return kind + "s"
	}
}

// short names of kinds, as kubectl api-resources lists them.
var shortKinds = map[string]string{
	"Deployment": "deploy", "StatefulSet": "sts", "DaemonSet": "ds", "ReplicaSet": "rs", "ReplicationController": "rc",
	"Job": "job", "CronJob": "cj", "Pod": "po", "ServiceAccount": "sa", "Namespace": "ns",
	"NetworkPolicy": "netpol", "Service": "svc", "Ingress": "ing", "ConfigMap": "cm",
	"PersistentVolume": "pv", "PersistentVolumeClaim": "pvc", "PodDisruptionBudget": "pdb", "ResourceQuota": "quota", "LimitRange": "limits",
	"HorizontalPodAutoscaler": "hpa", "StorageClass": "sc", "Node": "no",
}

// short is deploy/web.
func short(r harden.Ref) string {
	k, ok := shortKinds[r.Kind]
	if !ok {
		k = strings.ToLower(r.Kind)
	}
	return k + "/" + r.Name
}

// span is a piece of a line in one style.
type span struct {
	style pen
	text  string
}

// spread puts left and right spans on a line of w cells; what has no room on the
// right is left out, the left is cut last.
func spread(left string, right []string, w int) string {
	const gap = "  "
	room := w - widthOf(left)
	end := ""
	for _, r := range right {
		if r == "" {
			continue
		}
		cost := widthOf(r) + widthOf(gap)
		if cost > room {
			break
		}
		end += gap + r
		room -= cost
	}
	lw := w - widthOf(end)
	return clip(left, lw) + end
}
