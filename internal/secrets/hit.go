package secrets

import (
	"cmp"
	"slices"
	"strings"
)

// Kind says by what a credential was recognised.
type Kind string

// Kinds.
const (
	Named      Kind = "named"             // the name says so, and the value does not speak against it
	PrivateKey Kind = "private key"       // PEM, OpenSSH, PGP, age
	JWT        Kind = "JSON web token"    // signed, three parts
	AWSKey     Kind = "AWS access key"    // id with its secret, or the secret alone
	AWSKeyID   Kind = "AWS key id"        // of a long-lived key (AKIA), the secret is elsewhere
	AWSSession Kind = "AWS session key"   // id of a temporary key (ASIA)
	Token      Kind = "token"             // of a known issuer, by its form
	DSN        Kind = "URL with password" // or a connection string
	BasicAuth  Kind = "basic auth"        // user and password in base64, as in Docker's config.json
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{Named, PrivateKey, JWT, AWSKey, AWSKeyID, AWSSession, Token, DSN, BasicAuth}
}

// AWS reports whether the credential is one of AWS.
func (k Kind) AWS() bool { return k == AWSKey || k == AWSKeyID || k == AWSSession }

// A Hit is a credential that was found. It tells where it is, never what it is.
type Hit struct {
	Kind   Kind
	What   string // whose token it is, such as "GitHub token", or "password"; a noun
	Key    string // the name that holds it, such as spring.datasource.password; empty where there is none
	Line   int    // 1-based line of a text; 0 for what has no lines
	Length int    // of the credential, in bytes
}

// A found is a hit with its place in the text: it stays in this package.
type found struct {
	Hit
	start, end int
}

func (f found) at(offset int) found {
	f.start += offset
	f.end += offset
	return f
}

func hits(list []found) []Hit {
	out := make([]Hit, 0, len(list))
	for _, f := range list {
		out = append(out, f.Hit)
	}
	return out
}

// distinct orders what was found by place; of what overlaps the first in the list is kept.
func distinct(list []found) []found {
	var out []found
	for _, f := range list {
		if !slices.ContainsFunc(out, func(o found) bool { return f.start < o.end && o.start < f.end }) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b found) int { return cmp.Compare(a.start, b.start) })
	return out
}

func newFound(kind Kind, what, key string, start, end int) found {
	return found{Hit: Hit{Kind: kind, What: cmp.Or(what, string(kind)), Key: safeKey(key), Length: end - start}, start: start, end: end}
}

// safeKey is a name as it may be shown: a text can have anything in the place of a name.
func safeKey(key string) string {
	if key == "" {
		return ""
	}
	const longest = 80
	if len(key) > longest || strings.ContainsAny(key, " \t\r\n") || len(formats(key)) > 0 {
		return unnamed
	}
	for part := range strings.FieldsFuncSeq(key, func(r rune) bool { return strings.ContainsRune("._-/", r) }) {
		if len(part) >= 20 && looksRandom(part) {
			return unnamed
		}
	}
	return key
}

const unnamed = "(unnamed)"

// hideNames takes names away that hold one of the credentials of the text.
func hideNames(text string, list []found) []found {
	for i := range list {
		for _, f := range list {
			if value := text[f.start:f.end]; !isWords(value) && strings.Contains(list[i].Key, value) {
				list[i].Key = unnamed
			}
		}
	}
	return list
}
