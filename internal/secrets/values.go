package secrets

import (
	"math"
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// entropy is that of the bytes, in bits for each.
func entropy(s string) float64 {
	if s == "" {
		return 0
	}
	var count [256]int
	for i := range len(s) {
		count[s[i]]++
	}
	e, n := 0.0, float64(len(s))
	for _, c := range count {
		if c > 0 {
			p := float64(c) / n
			e -= p * math.Log2(p)
		}
	}
	return e
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }
func hasLower(s string) bool { return s != strings.ToUpper(s) }
func hasUpper(s string) bool { return s != strings.ToLower(s) }

var (
	boolean  = set("true", "false", "yes", "no", "on", "off", "enabled", "disabled", "enable", "disable", "null", "nil", "none", "undefined", "~", "default", "auto", "always", "never", "optional", "required", "any", "all")
	typeName = set("string", "str", "text", "bytes", "int", "bool", "boolean", "object", "array", "hidden", "secret", "password", "token", "basic", "bearer", "plain", "plaintext", "md5", "sha1", "sha256", "bcrypt", "jwt", "opaque", "key", "uuid", "env", "file", "vault", "static", "oauth2", "oidc", "ldap", "kubernetes", "username", "user", "header", "cookie", "query", "scram-sha-256", "scram-sha-512")

	number       = regexp.MustCompile(`^[+-]?[0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\s?(?:%|[kKmMgGtT]i?[bB]?|ms|s|m|h|d|w|y|[Ss]ec(?:onds?)?|[Mm]in(?:utes?)?|hours?|days?|weeks?|months?|years?)?$`)
	isoDuration  = regexp.MustCompile(`^P(?:[0-9]+[YMWD])*(?:T(?:[0-9.]+[HMS])+)?$`)
	date         = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}`)
	version      = regexp.MustCompile(`^[\^~<>=v ]*[0-9]+(?:\.[0-9x*]+)+(?:[-+][\w.]+)?$`)
	scheme       = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	shellName    = regexp.MustCompile(`^\$[A-Z_][A-Z0-9_]*$|^\$[a-z_]+$`)
	percentName  = regexp.MustCompile(`%[A-Za-z_][A-Za-z0-9_]*%|%\([a-z_]+\)s|%[sdv]`)
	whole        = regexp.MustCompile(`^(?:<[^<>]*>|\[[^\[\]]*\]|@[A-Za-z_.]+@|__[A-Z_]+__|!\w+(?: .*)?)$`)
	reference    = regexp.MustCompile(`^(?i:vault:|ref\+|arn:|ssm:|sm:|aws-?sm:|aws-?ssm:|secretsmanager:|gcp-?sm:|azkv:|keyvault:|op:|file:|env:|secret:|k8s:|kubernetes:|sops:|chamber:|doppler:|bao:|enc\[|enc\(|\{cipher\}|\{vault|@microsoft\.keyvault|projects/[^/]+/secrets/|\$ANSIBLE_VAULT|file\(|env\.|var\.|data\.|local\.|module\.|self\.|this\.|settings\.|process\.env|os\.(?:environ|getenv)|system\.getenv|getenv|\.Values)`)
	call         = regexp.MustCompile(`^[A-Za-z_][\w.:]*\((?:.*\)|[^)]*)$|^[A-Za-z_]\w*(?:\[['"]|\.(?:get|fetch)\b)`)
	hashed       = regexp.MustCompile(`^(?:\$(?:2[abxy]?|1|5|6|y|7|argon2\w*|pbkdf2\S*|scrypt|apr1)\$|\{(?:SSHA|SHA|CRYPT|PBKDF2|SMD5|MD5|bcrypt|noop\b)[^}]*\}|SCRAM-SHA-\d+\$|sha(?:1|256|512)[:$]|pbkdf2[_:$]|md5[0-9a-f]{32}$|[\w-]+:\$2[aby]\$)`)
	placeholder  = regexp.MustCompile(`(?i)^(?:x{3,}|\*+|\.{2,}|-+|_+|\?+|\.\.\.|…|(?:your|my|the|insert|enter|put|add)[-_ ].*|.*[-_ ](?:here|goes[-_ ]here)|.*place-?holder.*|.*replace[-_ ]?(?:me|this|with).*|to[-_ ]?be[-_ ]?.*|redacted|masked|hidden|tbd|todo|fixme|n/?a|not[-_ ]?(?:used|set|needed|required|applicable|a[-_ ].*)|unused|unset|dummy.*|fake.*|foo|bar|foobar|sample.*|example.*|.*[-_]example|empty|noop|ignored?|some[-_ ].*|from[-_ ]?(?:secret|env|vault|file)|generated?|managed[-_ ]?.*|injected|env[-_ ]?var)$`)
	resource     = regexp.MustCompile(`^[a-z0-9]+(?:[-./_][a-z0-9]+)+$`)
	refEnd       = regexp.MustCompile(`[-._](?:secrets?|passwords?|pass|pwd|credentials?|creds|auth|tokens?|tls|keys?|certs?|config|conf|file|ref|name|user|username)$`)
	pathSegment  = regexp.MustCompile(`^[A-Za-z0-9_.@$ -]*$`)
	imageOrHost  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*(?:/[a-z0-9._-]+)*:[A-Za-z0-9._-]{1,24}$`)
	sealed       = regexp.MustCompile(`^Ag[A-Za-z0-9+/]{100,}={0,2}$`) // by Bitnami's controller: public-key encryption
	publicObject = regexp.MustCompile(`^(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\S+) AAAA|^-----BEGIN (?:PUBLIC KEY|CERTIFICATE|RSA PUBLIC KEY)`)
	fileEnd      = regexp.MustCompile(`(?i)\.(?:txt|pem|key|crt|cer|p12|jks|json|ya?ml|conf|cfg|ini|toml|properties|xml|env|sh|py|js|ts|go|html?|css|log|db|sock|password|secret|token|asc|gpg|pub|tpl|tmpl)$`)
)

// isTemplate reports whether the value is put in from elsewhere.
func isTemplate(s string) bool {
	for _, mark := range []string{"${", "$(", "{{", "}}", "<%", "#{", "$[["} {
		if strings.Contains(s, mark) {
			return true
		}
	}
	return shellName.MatchString(s) || percentName.MatchString(s) || whole.MatchString(s) || reference.MatchString(s) || call.MatchString(s)
}

// isPlaceholder reports whether the value says itself that it is none.
func isPlaceholder(s string) bool {
	return placeholder.MatchString(s) || whole.MatchString(s) || strings.HasSuffix(s, "...") || strings.HasSuffix(s, "…") || strings.HasPrefix(s, "<")
}

// isPicture reports whether the most of the value is a run of one letter or a row of them.
func isPicture(s string) bool {
	lower := strings.ToLower(s)
	for _, row := range []string{"xxxxx", "*****", ".....", "00000000", "aaaaaaa", "1234567890123", "abcdefghijklmn", "-----", "yyyyy", "example"} {
		if strings.Contains(lower, row) {
			return true
		}
	}
	return false
}

// isPath reports whether the value is the name of a file or a place in a store.
func isPath(s string) bool {
	if strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || strings.HasPrefix(s, "~/") || len(s) > 2 && s[1:3] == `:\` {
		return true
	}
	if !strings.Contains(s, "/") {
		return fileEnd.MatchString(s) && !strings.ContainsAny(s, "!#%&*=?^|~")
	}
	parts := strings.Split(strings.TrimSuffix(s, "/"), "/")
	short := 0
	for _, p := range parts {
		if !pathSegment.MatchString(p) {
			return false
		}
		if len(p) <= 8 || isWords(p) || len(p) <= 24 && !(hasUpper(p) && hasLower(p)) {
			short++
		}
	}
	return short == len(parts) || strings.HasPrefix(s, "/") && 2*short > len(parts) && len(parts) > 2
}

// isPlain reports whether the value is of a kind that no credential is: a boolean,
// a number, a duration, a date, a path, a URL without a password, an address, a
// template, a hash, something public, or nothing.
func isPlain(s string) bool {
	lower := strings.ToLower(s)
	switch {
	case len(s) < 3, boolean[lower], number.MatchString(s), isoDuration.MatchString(s), date.MatchString(s), version.MatchString(s), scheme.MatchString(s):
		return true
	case isTemplate(s), isPlaceholder(s), isPicture(s), isPath(s), hashed.MatchString(s), publicObject.MatchString(s), sealed.MatchString(s):
		return true
	case strings.HasPrefix(s, "{"), strings.HasPrefix(s, "["):
		return true // a structure: what is in it is judged by itself
	}
	if _, err := time.ParseDuration(s); err == nil {
		return true
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isWords reports whether the value is made of words: the name of an object, a
// host, a setting, or one word alone.
func isWords(s string) bool {
	if imageOrHost.MatchString(s) {
		return true
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("-_./:, ", r) })
	for _, p := range parts {
		if !isWord(p) {
			return false
		}
	}
	return true
}

// isWord knows words, with a short number at the end at most, and short numbers.
func isWord(p string) bool {
	stem := strings.TrimRight(p, "0123456789")
	if len(p)-len(stem) > 4 && stem != "" || len(stem) > 20 {
		return false
	}
	for _, w := range words(stem) {
		if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
		if len(w) > 5 && !strings.ContainsAny(w, "aeiouy") || len(w) == 1 && len(words(stem)) > 2 {
			return false
		}
	}
	return len(words(stem)) <= 4
}

// looksRandom is asked of values whose name says little.
func looksRandom(s string) bool {
	if len(s) < 8 || strings.ContainsAny(s, " \t\n") || isWords(s) {
		return false
	}
	switch {
	case hasDigit(s) && (hasLower(s) || hasUpper(s)):
		return entropy(s) >= 2.5
	case len(s) >= 16 && hasLower(s) && hasUpper(s):
		return entropy(s) >= 3.5
	case len(s) >= 20:
		return entropy(s) >= 3.8
	}
	return false
}
