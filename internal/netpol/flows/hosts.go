package flows

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A mention is a host in a text, with its port where the text has one.
type mention struct {
	host   string // lower case; a name or an address
	port   int32  // 0: not said
	usual  bool   // port is the usual one of the URL's scheme
	masked bool   // where the host begins is not certain: it may be a part of a password
	url    bool
}

var (
	urlForm = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://([^\s"'<>|\\^` + "`" + `{}]+)`)
	// dsnForm is the Data Source Name of go-sql-driver and its like: USER:PASSWORD@tcp(HOST:PORT)/NAME.
	dsnForm = regexp.MustCompile(`[^\s"']*@?\b(?:tcp|tcp4|tcp6|udp)\(([^)\s]+)\)`)
	// waitForm is nc HOST PORT, by which init containers wait for others.
	waitForm = regexp.MustCompile(`\b(?:nc|ncat|netcat|telnet)\s+(?:-\S+\s+(?:[0-9]+\s+)?)*([A-Za-z][A-Za-z0-9_.-]*)\s+([0-9]+)`)
	hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?$`)
)

// schemes are the usual ports of URL schemes, as registered or as their
// programs document them.
var schemes = map[string]int32{
	"mongodb+srv": 27017,
	"http":        80, "https": 443, "ws": 80, "wss": 443, "grpc": 0, "grpcs": 443, "tcp": 0, "udp": 0, "tls": 0, "dns": 53,
	"postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mongodb": 27017, "sqlserver": 1433, "mssql": 1433, "oracle": 1521, "clickhouse": 9000,
	"redis": 6379, "rediss": 6379, "memcached": 11211, "amqp": 5672, "amqps": 5671, "nats": 4222, "kafka": 9092, "mqtt": 1883, "mqtts": 8883, "stomp": 61613, "pulsar": 6650,
	"ldap": 389, "ldaps": 636, "smtp": 25, "smtps": 465, "imap": 143, "imaps": 993, "ftp": 21, "sftp": 22, "ssh": 22, "git": 9418, "bolt": 7687, "neo4j": 7687, "cassandra": 9042,
	"zookeeper": 2181, "etcd": 2379, "consul": 8500, "syslog": 514, "otlp": 4317, "zipkin": 9411, "statsd": 8125, "elasticsearch": 9200, "rpc": 0, "socks5": 1080,
}

// noHosts are schemes whose URLs name no host.
var noHosts = []string{"unix", "file", "data", "s3", "gs", "gcs", "arn", "kms", "env", "classpath", "jar", "urn", "vault", "secret", "projects", "spiffe", "pkcs11", "unixgram"}

// resolvers are schemes of gRPC that name how a name is resolved, as in
// dns:///HOST:PORT (grpc.io, "Name resolution").
var resolvers = []string{"dns", "xds", "passthrough", "kubernetes"}

// mentions finds hosts in a text: in URLs, in Data Source Names, as HOST:PORT, as
// full names of Services, and as those that scripts wait for. What comes before
// an @ is never part of one.
func mentions(text string) []mention {
	var out []mention
	rest := []byte(text)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			rest[i] = ' '
		}
	}
	for _, m := range dsnForm.FindAllStringSubmatchIndex(text, -1) {
		out = append(out, splitHosts(text[m[2]:m[3]], 0)...)
		blank(m[0], m[1])
	}
	left := string(rest)
	for _, m := range urlForm.FindAllStringSubmatchIndex(left, -1) {
		scheme := strings.ToLower(left[m[2]:m[3]])
		if !slices.Contains(noHosts, scheme) {
			rest, usual := left[m[4]:m[5]], schemes[scheme]
			if slices.Contains(resolvers, scheme) && strings.HasPrefix(rest, "/") {
				rest, usual = rest[1:], 0
			}
			out = append(out, authority(rest, usual)...)
		}
		blank(m[0], m[1])
	}
	left = string(rest)
	for _, m := range waitForm.FindAllStringSubmatch(left, -1) {
		if n := portNumber(m[2]); n != 0 {
			out = append(out, mention{host: cleanHost(m[1]), port: n})
		}
	}
	for _, word := range strings.FieldsFunc(left, isBreak) {
		word = word[strings.LastIndexByte(word, '@')+1:]
		if end := strings.IndexAny(word, "/?#"); end >= 0 {
			word = word[:end]
		}
		if host := cleanHost(word); hostForm.MatchString(word) && clusterName(host) {
			out = append(out, mention{host: host})
			continue
		}
		if h, p, ok := strings.Cut(strings.TrimPrefix(word, "tcp:"), ":"); ok && p != "" && hostForm.MatchString(h) {
			if n := portNumber(p); n != 0 {
				out = append(out, mention{host: cleanHost(h), port: n})
			}
		}
	}
	return out
}

func isBreak(r rune) bool { return r <= ' ' || strings.ContainsRune(`"'=,;()[]{}|<>`+"`", r) }

// authority reads what follows :// in a URL. A password may hold any character,
// also a / or an @ that should have been encoded.
func authority(s string, usual int32) []mention {
	end := strings.IndexAny(s, "/?#;")
	if end < 0 {
		end = len(s)
	}
	head, tail := s[:end], s[end:]
	at := strings.LastIndexByte(head, '@')
	hosts := splitHosts(head[at+1:], usual)
	if last := strings.LastIndexByte(tail, '@'); last >= 0 && (at >= 0 || len(hosts) == 0) {
		end = strings.IndexAny(tail[last+1:], "/?#;")
		if end < 0 {
			end = len(tail[last+1:])
		}
		hosts = append(hosts, splitHosts(tail[last+1:last+1+end], usual)...)
		for i := range hosts {
			hosts[i].masked = true
		}
	}
	for i := range hosts {
		hosts[i].url = true
	}
	return hosts
}

// splitHosts reads HOST[:PORT] lists such as those of MongoDB and Kafka.
func splitHosts(list string, usual int32) []mention {
	var out []mention
	for _, one := range strings.Split(list, ",") {
		m := mention{port: usual, usual: usual != 0}
		host := one
		if strings.HasPrefix(one, "[") {
			inside, after, ok := strings.Cut(one[1:], "]")
			if !ok {
				continue
			}
			host = inside
			one = "v6" + after
		}
		if h, p, ok := strings.Cut(one, ":"); ok {
			if m.port, m.usual = portNumber(p), false; m.port == 0 {
				continue
			}
			if !strings.HasPrefix(one, "v6:") || h != "v6" {
				host = h
			}
		}
		if _, err := netip.ParseAddr(host); err != nil && !hostForm.MatchString(host) {
			continue
		}
		m.host = cleanHost(host)
		out = append(out, m)
	}
	return out
}

func portNumber(s string) int32 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return int32(n)
}

func cleanHost(h string) string { return strings.ToLower(strings.TrimSuffix(h, ".")) }

// A pair is a name and its value, wherever a text has one.
type pair struct{ key, value string }

// words are the parts of a name in any of the usual spellings: DB_HOST, db.host,
// --db-host, dbHost.
func words(key string) []string {
	var out []string
	start := 0
	flush := func(i int) {
		if i > start {
			out = append(out, strings.ToLower(key[start:i]))
		}
	}
	for i, r := range key {
		switch {
		case r == '_' || r == '-' || r == '.' || r == '/' || r == ' ':
			flush(i)
			start = i + 1
		case i > start && r >= 'A' && r <= 'Z' && key[i-1] >= 'a' && key[i-1] <= 'z':
			flush(i)
			start = i
		}
	}
	flush(len(key))
	return out
}

var (
	hostWords = []string{
		"h", "host", "hostname", "hosts", "addr", "addrs", "address", "addresses", "server", "servers", "endpoint", "endpoints", "url", "urls", "uri", "uris", "dsn", "broker", "brokers",
		"bootstrap", "upstream", "upstreams", "backend", "backends", "seeds", "peers", "target", "targets", "connection", "remote", "proxy", "svc", "replicaof", "slaveof",
	}
	otherWords = []string{
		"name", "user", "username", "database", "dbname", "schema", "bucket", "topic", "namespace", "env", "environment", "level", "mode", "type", "class", "id", "version", "path", "file", "dir",
		"prefix", "suffix", "tag", "label", "role", "timeout", "enabled", "port",
	}
	secretWords = []string{"password", "passwd", "pass", "pwd", "secret", "token", "key", "apikey", "credential", "credentials", "salt", "signature", "passphrase", "private"}
	// ownWords are of names whose values say how others reach the program itself.
	ownWords = []string{"public", "external", "origin", "origins", "cors", "redirect", "callback", "allowed", "advertised", "listen", "bind", "root", "base"}
	noKeys   = []string{"no_proxy", "NO_PROXY", "$schema", "xmlns"}
)

func hasAny(list, of []string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(of, s) })
}

// namesHost reports whether a value of that name is a host, or holds one.
func namesHost(key string) bool {
	w := words(key)
	if len(w) == 0 {
		return false
	}
	last := w[len(w)-1]
	if last == "name" && len(w) > 1 && w[len(w)-2] == "host" {
		return true
	}
	if len(w) == 1 && slices.ContainsFunc([]string{"host", "addr", "url"}, func(end string) bool { return strings.HasSuffix(last, end) }) {
		return true // PGHOST
	}
	return !slices.Contains(otherWords, last) && hasAny(w, hostWords)
}

// Credential reports whether a variable of that name holds a credential, and no host.
func Credential(key string) bool { return keepsSecret(key) }

// keepsSecret reports whether a value of that name looks like a credential, which is never quoted.
func keepsSecret(key string) bool {
	w := words(key)
	return hasAny(w, secretWords) && !slices.Contains(hostWords, w[len(w)-1])
}

// portBeside is the port that stands beside a host in a variable of its own:
// DB_PORT beside DB_HOST, port_value beside address.
func portBeside(pairs []pair, at int) int32 {
	w := words(pairs[at].key)
	if len(w) == 0 {
		return 0
	}
	stem := w
	for len(stem) > 0 && slices.Contains(hostWords, stem[len(stem)-1]) {
		stem = stem[:len(stem)-1]
	}
	match := func(key string) bool {
		o := words(key)
		if len(o) > 1 && o[len(o)-1] == "value" {
			o = o[:len(o)-1]
		}
		return len(o) > 0 && o[len(o)-1] == "port" && (slices.Equal(o[:len(o)-1], stem) || slices.Equal(o[:len(o)-1], w)) ||
			len(w) == 1 && len(o) == 1 && strings.HasSuffix(w[0], "host") && o[0] == strings.TrimSuffix(w[0], "host")+"port"
	}
	// The nearest one counts: a file may hold many blocks with the same names.
	for d := 1; d < len(pairs); d++ {
		for _, i := range []int{at + d, at - d} {
			if i >= 0 && i < len(pairs) && match(pairs[i].key) {
				if n := portNumber(pairs[i].value); n != 0 {
					return n
				}
			}
		}
	}
	return 0
}

// privateEnds end names that usually resolve to private addresses.
var privateEnds = []string{
	".internal", ".local", ".lan", ".corp", ".intranet", ".home.arpa", ".private", ".localdomain",
	".rds.amazonaws.com", ".cache.amazonaws.com", ".es.amazonaws.com", ".docdb.amazonaws.com", ".kafka.amazonaws.com", ".elb.amazonaws.com",
	".database.windows.net", ".postgres.database.azure.com", ".mysql.database.azure.com", ".redis.cache.windows.net",
}

func privateName(host string) bool {
	return !strings.Contains(host, ".") || slices.ContainsFunc(privateEnds, func(end string) bool { return strings.HasSuffix(host, end) })
}

// fileEnds are ends of file names that look like names of hosts.
var fileEnds = []string{
	"conf", "cfg", "cnf", "ini", "json", "yaml", "yml", "toml", "xml", "properties", "sh", "py", "js", "ts", "go", "rb", "php", "java", "jar", "sock", "pid", "log", "txt", "md", "html",
	"pem", "crt", "key", "csr", "cert", "db", "sql", "so", "lua", "tmpl", "tpl", "gz", "zip", "tar", "lock", "bak", "local",
}

var topLevel = regexp.MustCompile(`^[a-z][a-z-]*[a-z]$`)

// outsideName reports whether a name may be one that public DNS knows.
func outsideName(host string) bool {
	i := strings.LastIndexByte(host, '.')
	if i <= 0 || strings.HasPrefix(host, "localhost.") || strings.HasSuffix(host, ".localhost") {
		return false
	}
	end := host[i+1:]
	return topLevel.MatchString(end) && (!slices.Contains(fileEnds, end) || privateName(host)) && !slices.Contains(schemaHosts, host)
}

// schemaHosts stand in files as names of formats; nothing connects to them.
var schemaHosts = []string{"www.w3.org", "w3.org", "json-schema.org", "schemas.xmlsoap.org", "maven.apache.org", "www.springframework.org", "xmlns.jcp.org", "java.sun.com", "logging.apache.org", "schema.org"}
