package symptom

import (
	"regexp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// networkPatterns are how programs say that a name was not resolved or that a
// connection was not let through. They count only after a change of the network:
// at any other time a peer may just be away. A dropped packet shows as a timeout,
// a rejected one as "no route to host" or "connection refused".
var networkPatterns = []pattern{
	// Go, glibc, musl, curl, Node, Java, Python, .NET, Rust.
	{kind: harden.SymptomDNS, is: re(`no such host|temporary failure in name resolution|name or service not known|name does not resolve|nodename nor servname|could ?n[o']t resolve (?:host|proxy|name)|could not translate host name|failed to (?:resolve|lookup)|unable to resolve host`)},
	{kind: harden.SymptomDNS, is: re(`\b(?:EAI_AGAIN|EAI_NONAME|ENOTFOUND)\b|getaddrinfo|UnknownHostException|NameResolutionError|host not found in upstream|could not be resolved \(\d+:|no address associated with hostname|server misbehaving`)},
	{kind: harden.SymptomDNS, is: re(`\blookup \S+.*(?:i/o timeout|connection refused)|no servers could be reached|resolv\w*.*timed? ?out`)},

	{kind: harden.SymptomNetwork, is: re(`\bdial (?:tcp|udp)[46]?\b.*(?:i/o timeout|connect: |deadline exceeded)|connect(?:ion|ing)?\b.{0,80}\btimed? ?out|timed out .{0,40}\bconnect|operation timed out|upstream timed out|connect(?:ion)? ?timeout`)},
	{kind: harden.SymptomNetwork, is: re(`no route to host|network is unreachable|host is unreachable|connection refused|connection reset by peer`)},
	{kind: harden.SymptomNetwork, is: regexp.MustCompile(`\b(?:ETIMEDOUT|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH)\b|ConnectTimeout|ConnectTimeoutException|SocketTimeoutException|NoRouteToHostException`)},
}

// ReadNetwork is Read after a change of what may be connected to: lines that tell
// of names that are not resolved and connections that are not let through count too.
func ReadNetwork(line string) (s harden.Symptom, ok bool) {
	text := plain(line)
	for _, p := range networkPatterns {
		if p.is.MatchString(text) {
			return harden.Symptom{Kind: p.kind, Line: Clean(text)}, true
		}
	}
	return Read(line)
}
