package secrets

import (
	"strings"
	"unicode"
)

// strength is how much a name says about its value.
type strength int

const (
	dull   strength = iota // nothing
	weak                   // a token or key, as many things are: the value must look random
	medium                 // a secret or key of something: any value but a word with dashes
	strong                 // a password
)

// Words that end the name of a credential. What follows them makes another thing of
// it, such as PASSWORD_FILE, tokenTTL and secretName, unless it is one of tails.
var (
	strongEnds = []string{"password", "passwd", "passphrase", "passcode", "passwort", "kennwort", "pwd", "requirepass", "masterauth", "bindpw", "rootpw", "adminpw", "dbpw", "userpw"}
	mediumEnds = []string{"secretkey", "secretaccesskey", "clientsecret", "appsecret", "jwtsecret", "sharedsecret", "sessionsecret", "cookiesecret", "webhooksecret", "consumersecret", "accountkey", "sharedaccesskey", "privatekey", "encryptionkey", "masterkey", "signingkey", "secretkeybase"}
	weakEnds   = []string{"token", "apikey", "accesskey", "authkey", "secret", "credentials", "credential", "pat", "creds"}

	// ofKey are words before "key" that make it one to keep.
	ofKey = map[string]strength{
		"secret": medium, "private": medium, "encryption": medium, "encrypt": medium, "signing": medium, "sign": medium, "master": medium, "account": medium,
		"storage": medium, "hmac": medium, "cipher": medium, "crypto": medium, "fernet": medium, "aes": medium, "jwt": medium, "session": medium, "cookie": medium,
		"api": weak, "access": weak, "auth": weak, "shared": weak, "app": weak, "application": weak, "client": weak, "server": weak, "service": weak, "admin": weak, "bot": weak, "integration": weak, "ingest": weak, "deploy": weak,
	}
	// ofSecret are words before "secret" that leave no doubt that it is one.
	ofSecret = set("client", "app", "application", "jwt", "session", "cookie", "shared", "webhook", "consumer", "signing", "hmac", "oauth", "oidc", "token", "api", "hash", "rpc", "cluster", "gossip", "replication", "flask", "django", "nextauth", "auth", "access", "admin", "root")
	// ofPass are words before "pass" (or "pw") of one word, such as dbpass.
	ofPass = set("db", "database", "user", "admin", "root", "my", "mysql", "pg", "postgres", "redis", "smtp", "mail", "email", "ldap", "ftp", "sftp", "ssh", "http", "https", "basic", "auth", "keystore", "truststore", "store", "key", "trust", "bind", "rabbitmq", "amqp", "mongo", "mq", "sa", "wp", "proxy")
	// notPass are words before "pass" that make it a way through, and notToken those
	// before "token" (and "credential") that make it a place in a list or a request.
	notPass  = set("proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached", "by", "first", "second", "single", "multi", "one", "max", "next")
	notToken = set("next", "page", "paging", "pagination", "change", "continue", "continuation", "sync", "resume", "cursor", "marker", "fencing", "upload", "request", "idempotency", "cancel", "cancellation", "goog", "amz")
	// referring are words that make a secret the name of one.
	referring = set("existing", "pull", "image", "tls", "ssl", "name", "ref", "cert", "certificate", "ca", "existingsecret", "imagepull", "default")
	// tails do not change what a name is.
	tails = set("value", "b64", "base64", "plain", "plaintext", "prod", "production", "dev", "development", "test", "staging", "stage", "qa", "primary", "secondary", "default", "current", "previous", "old", "new", "admin", "root", "master", "data", "env", "literal", "live", "global", "internal")
	// open are words of what everybody may see.
	open = set("public", "publishable", "pub", "publickey")
)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// stems are in every name that is not dull; a text without them needs no second look.
var stems = []string{"pass", "pwd", "pw", "secret", "token", "key", "cred", "auth", "pat", "wort"}

func mayName(lower string) bool {
	for _, s := range stems {
		if strings.Contains(lower, s) {
			return true
		}
	}
	return false
}

// A naming is what a name says.
type naming struct {
	strength  strength
	referring bool   // it may well name another object
	last      string // the word that says it
}

// judgeName looks at a name by its words: those of DB_PASSWORD, dbPassword,
// db.password, DBPassword and --db-password are the same.
func judgeName(name string) naming {
	all := words(name)
	for len(all) > 1 && (tails[all[len(all)-1]] || isDigits(all[len(all)-1])) {
		all = all[:len(all)-1]
	}
	if len(all) == 0 {
		return naming{}
	}
	for _, w := range all {
		if open[w] {
			return naming{}
		}
	}
	last := strings.TrimRight(all[len(all)-1], "0123456789")
	before := ""
	if len(all) > 1 {
		before = all[len(all)-2]
	}
	n := naming{last: last, referring: referring[before]}
	n.strength = judgeWords(before, last, len(all) == 1)
	return n
}

func judgeWords(before, last string, alone bool) strength {
	switch {
	case last == "pass" && notPass[before], (last == "token" || last == "credential") && notToken[before]:
		return dull
	case last == "pass", last == "pw" && !alone:
		return strong
	case last == "key" && (before == "access" || before == "shared"):
		return weak
	case last == "key":
		return ofKey[before]
	case last == "base" && before == "key":
		return medium // SECRET_KEY_BASE
	case last == "secret" && ofSecret[before]:
		return medium
	case last == "auth" && strings.HasSuffix(before, "cli"): // REDISCLI_AUTH
		return strong
	}
	for _, end := range strongEnds {
		if strings.HasSuffix(last, end) {
			return strong
		}
	}
	for _, end := range []string{"pass", "pw"} {
		if stem, ok := strings.CutSuffix(last, end); ok && ofPass[stem] {
			return strong
		}
	}
	for _, end := range mediumEnds {
		if strings.HasSuffix(last, end) {
			return medium
		}
	}
	for _, end := range weakEnds {
		if last == end || len(end) > 4 && strings.HasSuffix(last, end) {
			return weak
		}
	}
	return dull
}

// words splits a name at punctuation and at humps, in lower case. An
// abbreviation is one word: DBPassword is db and password.
func words(name string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = nil
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1])):
			flush()
		case unicode.IsUpper(r) && i > 0 && i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return out
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
