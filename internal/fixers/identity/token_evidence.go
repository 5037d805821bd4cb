package identity

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// procLimit is how long a look into a running container counts.
const procLimit = 24 * time.Hour

// connectionClaim says whether a connection to the API server was open. One
// container shows the connections of its whole pod. The address that pods use
// is not in the inventory, so that ports tell: 6443 belongs to API servers, 443
// may be anybody's.
func connectionClaim(p *harden.Pass) harden.Claim {
	gap := "Nobody looked whether a process talks to the API server."
	var looked []string
	var first time.Time
	maybe := ""
	for _, c := range p.Pod.Containers() {
		for _, probe := range p.Inventory.ProbesOf(p.Workload, c.Ref) {
			switch age := p.Inventory.Now.Sub(probe.Time); {
			case !probe.Known:
				gap = fmt.Sprintf("Container %s of pod %s could not be looked into (%s): does a process talk to the API server?", c.Name, probe.Pod, strings.TrimRight(probe.Why, ". "))
				continue
			case age > procLimit:
				gap = fmt.Sprintf("The look into pod %s is %s old, and counts for %s: does a process talk to the API server?", probe.Pod, age.Round(time.Hour), procLimit)
				continue
			}
			for _, peer := range probe.Peers {
				switch {
				case isServer(p, peer.Peer):
					return harden.Claim{Code: "E-PROC", State: harden.Refutes, Time: probe.Time, Text: fmt.Sprintf("In pod %s, a connection to %s was open, which is an API server by its address or port.", probe.Pod, peer.Peer)}
				case portOf(peer.Peer) == "443":
					maybe = fmt.Sprintf("In pod %s, a connection to %s was open: nobody knows whether that is the API server.", probe.Pod, peer.Peer)
				}
			}
			if why := probe.Gap(harden.ProbeSockets); why != "" {
				gap = fmt.Sprintf("The look into pod %s did not see all connections (%s): does a process talk to the API server?", probe.Pod, strings.TrimRight(why, ". "))
				continue
			}
			if !slices.Contains(looked, probe.Pod) {
				looked = append(looked, probe.Pod)
			}
			if first.IsZero() || probe.Time.Before(first) {
				first = probe.Time
			}
		}
	}
	switch {
	case maybe != "":
		return harden.Claim{Code: "E-PROC", State: harden.Missing, Text: maybe}
	case len(looked) == 0:
		return harden.Claim{Code: "E-PROC", State: harden.Missing, Text: gap}
	}
	// A client that calls every few seconds has a connection open for milliseconds: what one look does not see may be there.
	return harden.Claim{
		Code: "E-PROC", State: harden.Missing, Time: first,
		Text: fmt.Sprintf("No connection to an API server was open in %s at that moment. Nobody watched for as long as it takes to see one that is opened now and then.", strings.Join(looked, ", ")),
	}
}

// isServer tells the API server by the address that we use ourselves, or by its usual port.
func isServer(p *harden.Pass, peer string) bool {
	if portOf(peer) == "6443" {
		return true
	}
	host, _, err := net.SplitHostPort(peer)
	server, parsed := url.Parse(p.Inventory.Cluster.Server)
	return err == nil && parsed == nil && host != "" && host == server.Hostname() && portOf(peer) == server.Port()
}

func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return port
}

// imageSigns are the marks of a client of the API in the images.
func imageSigns(p *harden.Pass) []harden.Claim {
	var signs []harden.Claim
	for _, c := range p.Pod.Containers() {
		for _, i := range p.Inventory.ImagesOf(p.Workload, c.Ref) {
			if i == nil || !i.Known {
				continue
			}
			if code, what := imageSign(i); what != "" {
				at := i.Time
				if at.IsZero() {
					at = p.Inventory.Now
				}
				signs = append(signs, harden.Claim{Code: code, State: harden.Refutes, Time: at, Text: fmt.Sprintf("The image of container %s %s.", c.Name, what)})
			}
		}
	}
	return signs
}

func imageSign(i *harden.ImageFacts) (code, what string) {
	own := corev1.Container{Command: i.Entrypoint, Args: slices.Concat(i.Cmd, i.Env)}
	if mark := mentionsAPI(&own); mark != "" {
		return "E-IMG-CONFIG", "names " + mark + " in its configuration"
	}
	if i.Files == nil {
		return "", ""
	}
	var found []string
	for at := range i.Files.Programs {
		if slices.Contains([]string{"kubectl", "helm", "oc"}, path.Base(at)) {
			found = append(found, "has "+at)
		}
	}
	for at, text := range i.Files.Scripts {
		if mark := mentionsAPI(&corev1.Container{Args: []string{text}}); mark != "" {
			found = append(found, fmt.Sprintf("names %s in %s", mark, at))
		}
	}
	if len(found) == 0 {
		return "", ""
	}
	return "E-IMG-FS", slices.Min(found)
}

// learntSigns are failed rollouts that showed that the token is used.
func learntSigns(p *harden.Pass) []harden.Claim { return lessonClaims(p, harden.LessonNeedsToken) }

// broke are rollouts of this fix that failed for a reason that nobody understood.
func broke(p *harden.Pass) []harden.Claim { return lessonClaims(p, harden.LessonBreaks) }

func lessonClaims(p *harden.Pass, kind harden.LessonKind) []harden.Claim {
	var claims []harden.Claim
	for _, c := range p.Pod.Containers() {
		for _, l := range p.Inventory.LessonsOf(p.Workload, c.Ref) {
			if l.Kind != kind || kind == harden.LessonBreaks && l.Fixer != p.Fixer.ID {
				continue
			}
			text := fmt.Sprintf("In %s, container %s, a rollout without the token failed", l.Workload, l.Container)
			at := p.Inventory.Now
			if !l.Time.IsZero() {
				at = l.Time
				text += " on " + at.UTC().Format(time.DateTime) + " UTC"
			}
			if l.Symptom != "" {
				text += ": " + l.Symptom
			}
			claims = append(claims, harden.Claim{Code: "E-LEARNT", State: harden.Refutes, Time: at, Text: text})
		}
	}
	return claims
}
