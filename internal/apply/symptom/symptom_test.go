package symptom

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Lines as the named software writes them; many are quoted in public issues.
func TestRead(t *testing.T) {
	for _, test := range []struct {
		from, line string
		kind       harden.SymptomKind
		path       string
		port       int
	}{
		{"nginx", `2022/03/04 17:05:32 [emerg] 1#1: mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)`, harden.SymptomReadOnly, "/var/cache/nginx/client_temp", 0},
		{"T26 busybox sed", `sed: can't create temp file '/etc/nginx/conf.d/default.confXXXXXX': Read-only file system`, harden.SymptomReadOnly, "/etc/nginx/conf.d/default.confXXXXXX", 0},
		{"dash", `/docker-entrypoint.d/20-envsubst-on-templates.sh: 33: cannot create /etc/nginx/nginx.conf: Read-only file system`, harden.SymptomReadOnly, "/etc/nginx/nginx.conf", 0},
		{"bash", `/opt/app-root/etc/generate_container_user: line 10: /opt/app-root/etc/passwd: Read-only file system`, harden.SymptomReadOnly, "/opt/app-root/etc/passwd", 0},
		{"Go", `panic: open /var/cache/app/index.db: read-only file system`, harden.SymptomReadOnly, "/var/cache/app/index.db", 0},
		{"touch", `touch: cannot touch '/app/ready': Read-only file system`, harden.SymptomReadOnly, "/app/ready", 0},
		{"coreutils in UTF-8", `touch: cannot touch ‘/app/ready’: Read-only file system`, harden.SymptomReadOnly, "/app/ready", 0},
		{"addgroup", `addgroup: /etc/group: Read-only file system`, harden.SymptomReadOnly, "/etc/group", 0},
		{"chmod", `chmod: changing permissions of '/scripts/common.sh': Read-only file system`, harden.SymptomReadOnly, "/scripts/common.sh", 0},
		{"Python", `OSError: [Errno 30] Read-only file system: '/srv/app/.cache'`, harden.SymptomReadOnly, "/srv/app/.cache", 0},
		{"Node", `Error: EROFS: read-only file system, mkdir '/tmp/CRYPTPAD_TEMP_BUILD'`, harden.SymptomReadOnly, "/tmp/CRYPTPAD_TEMP_BUILD", 0},
		{"Node, two paths", `[Error: EROFS: read-only file system, copyfile '/app/a.json' -> '/app/dist/a.json']`, harden.SymptomReadOnly, "/app/dist/a.json", 0},
		{"Java", `java.io.FileNotFoundException: /usr/local/tomcat/logs/catalina.2022-06-01.log (Read-only file system)`, harden.SymptomReadOnly, "/usr/local/tomcat/logs/catalina.2022-06-01.log", 0},
		{"Java NIO", `Caused by: java.nio.file.FileSystemException: /tmp/tomcat.8080.2211: Read-only file system`, harden.SymptomReadOnly, "/tmp/tomcat.8080.2211", 0},
		{"Rust", `create cache dir success: Os { code: 30, kind: ReadOnlyFilesystem, message: "Read-only file system" }`, harden.SymptomReadOnly, "", 0},
		{"Ruby", "/usr/lib/ruby/3.0.0/logger/log_device.rb:83:in `initialize': Read-only file system @ rb_sysopen - /app/log/production.log (Errno::EROFS)", harden.SymptomReadOnly, "/app/log/production.log", 0},
		{".NET", `Unhandled exception. System.IO.IOException: Read-only file system : '/app/keys'`, harden.SymptomReadOnly, "/app/keys", 0},
		{"PHP", `PHP Warning:  file_put_contents(/var/www/html/cache/x.php): Failed to open stream: Read-only file system in /var/www/html/index.php on line 3`, harden.SymptomReadOnly, "/var/www/html/cache/x.php", 0},
		{"PostgreSQL", `2024-10-04 06:53:19.069 UTC [1] FATAL:  could not create lock file "/var/run/postgresql/.s.PGSQL.5432.lock": Read-only file system`, harden.SymptomReadOnly, "/var/run/postgresql/.s.PGSQL.5432.lock", 0},
		{"Redis", `1:M 04 Oct 2024 06:53:19.069 # Failed opening the temp RDB file temp-1.rdb (in server root dir /data) for saving: Read-only file system`, harden.SymptomReadOnly, "/data", 0},
		{"MySQL", `[ERROR] [MY-010187] [Server] Could not open file '/var/log/mysqld.log' for error logging: Read-only file system (OS errno 30 - Read-only file system)`, harden.SymptomReadOnly, "/var/log/mysqld.log", 0},
		{"SQLite", `sqlite3.OperationalError: attempt to write a readonly database`, harden.SymptomReadOnly, "", 0},
		{"runc", `mounting "/var/lib/kubelet/pods/0b/volumes/x" to rootfs caused: mkdir /run/containerd/io.containerd.runtime.v2.task/k8s.io/splunk/rootfs/run/secrets: read-only file system: unknown`, harden.SymptomReadOnly, "/run/secrets", 0},

		{"nginx", `nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)`, harden.SymptomBind, "", 80},
		{"Go", `2024/01/02 10:11:12 listen tcp :80: bind: permission denied`, harden.SymptomBind, "", 80},
		{"Go, IPv6", `listen tcp [::]:443: bind: permission denied`, harden.SymptomBind, "", 443},
		{"Node", `Error: listen EACCES: permission denied 0.0.0.0:80`, harden.SymptomBind, "", 80},
		{"httpd", `(13)Permission denied: AH00072: make_sock: could not bind to address [::]:80`, harden.SymptomBind, "", 80},
		{"haproxy", `[ALERT]    (1) : Binding [/usr/local/etc/haproxy/haproxy.cfg:12] for frontend http: cannot bind socket (Permission denied) for [0.0.0.0:443]`, harden.SymptomBind, "", 443},
		{"Java", `java.net.SocketException: Permission denied`, harden.SymptomBind, "", 0},

		{"chown", `chown: changing ownership of '/var/log/nginx': Operation not permitted`, harden.SymptomOwner, "/var/log/nginx", 0},
		{"busybox chown", `chown: /var/lib/postgresql/data: Operation not permitted`, harden.SymptomOwner, "/var/lib/postgresql/data", 0},
		{"nginx chown", `nginx: [emerg] chown("/var/cache/nginx/client_temp", 101) failed (1: Operation not permitted)`, harden.SymptomOwner, "/var/cache/nginx/client_temp", 0},
		{"nginx setgid", `2017/03/19 09:01:56 [emerg] 7#7: setgid(107) failed (1: Operation not permitted)`, harden.SymptomOwner, "", 0},
		{"su-exec", `su-exec: setgroups: Operation not permitted`, harden.SymptomOwner, "", 0},
		{"gosu", `error: failed switching to "redis": operation not permitted`, harden.SymptomOwner, "", 0},
		{"mpm-itk", `(itkmpm: pid=12) initgroups(www-data, 33): Operation not permitted`, harden.SymptomOwner, "", 0},
		{"s6", `s6-chown: fatal: unable to chown /var/run/s6/etc/cont-init.d/20-start.sh: Operation not permitted`, harden.SymptomOwner, "/var/run/s6/etc/cont-init.d/20-start.sh", 0},
		{"initdb", `initdb: error: could not change permissions of directory "/var/lib/postgresql/data": Operation not permitted`, harden.SymptomOwner, "/var/lib/postgresql/data", 0},
		{"supervisord", `Error: Can't drop privilege as nonroot user`, harden.SymptomOwner, "", 0},

		{"sudo", `sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option set or an NFS file system without root privileges?`, harden.SymptomNoNewPrivs, "", 0},
		{"newer sudo", `sudo: The "no new privileges" flag is set, which prevents sudo from running as root.`, harden.SymptomNoNewPrivs, "", 0},
		{"busybox su", `su: must be suid to work properly`, harden.SymptomNoNewPrivs, "", 0},

		{"T23 cgo", `runtime/cgo: pthread_create failed: Operation not permitted`, harden.SymptomSeccomp, "", 0},
		{"T23 JVM", `[0.014s][warning][os,thread] Failed to start thread "GC Thread#0" - pthread_create failed (EPERM) for attributes: stacksize: 1024k, guardsize: 4k, detached.`, harden.SymptomSeccomp, "", 0},
		{"T23 ChromeDriver", `[1681713279.028][SEVERE]: pthread_create: Operation not permitted (1)`, harden.SymptomSeccomp, "", 0},
		{"T23 Go", `runtime: failed to create new OS thread (have 2 already; errno=1)`, harden.SymptomSeccomp, "", 0},
		{"munge", `munged: Error: Failed to create timer thread: Operation not permitted`, harden.SymptomSeccomp, "", 0},
		{"shell", `Bad system call (core dumped)`, harden.SymptomSeccomp, "", 0},
		{"T22 io_uring", `io_uring_queue_init() failed: Operation not permitted`, harden.SymptomSeccomp, "", 0},

		{"Go client", `panic: open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory`, harden.SymptomToken, "/var/run/secrets/kubernetes.io/serviceaccount/token", 0},
		{"cat", `cat: can't open '/var/run/secrets/kubernetes.io/serviceaccount/token': No such file or directory`, harden.SymptomToken, "/var/run/secrets/kubernetes.io/serviceaccount/token", 0},
		{"Node client", `Error: ENOENT: no such file or directory, open '/var/run/secrets/kubernetes.io/serviceaccount/token'`, harden.SymptomToken, "/var/run/secrets/kubernetes.io/serviceaccount/token", 0},
		{"Python client", `kubernetes.config.config_exception.ConfigException: Service token file does not exist.`, harden.SymptomToken, "", 0},
		{"API server", `{"kind":"Status","message":"services is forbidden: User \"system:anonymous\" cannot list resource"}`, harden.SymptomToken, "", 0},
		{"kubectl", `error: You must be logged in to the server (the server has asked for the client to provide credentials)`, harden.SymptomToken, "", 0},
		{"reflector", `E0104 10:00:00.000000       1 reflector.go:147] Failed to watch *v1.Pod: failed to list *v1.Pod: Unauthorized`, harden.SymptomToken, "", 0},

		{"Node", `Error: EACCES: permission denied, open '/app/.next/trace'`, harden.SymptomDenied, "/app/.next/trace", 0},
		{"Python", `PermissionError: [Errno 13] Permission denied: '/srv/app/data.db'`, harden.SymptomDenied, "/srv/app/data.db", 0},
		{"httpd", `[core:error] [pid 1:tid 140275100432256] (13)Permission denied: AH00099: could not create /usr/local/apache2/logs/httpd.pid`, harden.SymptomDenied, "/usr/local/apache2/logs/httpd.pid", 0},
		{"exec", `exec /docker-entrypoint.sh: permission denied`, harden.SymptomDenied, "/docker-entrypoint.sh", 0},
		{"mkdir", `mkdir: cannot create directory 'logs': Permission denied`, harden.SymptomDenied, "", 0},
		{"Java NIO", `java.nio.file.AccessDeniedException: /usr/share/elasticsearch/data/nodes`, harden.SymptomDenied, "/usr/share/elasticsearch/data/nodes", 0},
		{"Prometheus", `ts=2024-01-02T10:00:00Z caller=query_logger.go:91 level=error component=activeQueryTracker msg="Error opening query log file" file=/prometheus/queries.active err="open /prometheus/queries.active: permission denied"`, harden.SymptomDenied, "/prometheus/queries.active", 0},
		{"Grafana", `GF_PATHS_DATA='/var/lib/grafana' is not writable. mkdir: can't create directory '/var/lib/grafana/plugins': Permission denied`, harden.SymptomDenied, "/var/lib/grafana/plugins", 0},

		{"ping", `ping: socket: Operation not permitted`, harden.SymptomNotPermitted, "", 0},
		{"T15 caddy", `exec /usr/bin/caddy: operation not permitted`, harden.SymptomNotPermitted, "/usr/bin/caddy", 0},
		{"iproute2", `RTNETLINK answers: Operation not permitted`, harden.SymptomNotPermitted, "", 0},
		{"iptables", `iptables v1.8.7 (legacy): can't initialize iptables table 'nat': Permission denied (you must be root)`, harden.SymptomNotPermitted, "", 0},
		{"Vault", `Error initializing core: Failed to lock memory: cannot allocate memory`, harden.SymptomNotPermitted, "", 0},

		{"kubelet", `container has runAsNonRoot and image will run as root (pod: "web-1_shop(u)", container: web)`, harden.SymptomUser, "", 0},
		{"kubelet, name", `container has runAsNonRoot and image has non-numeric user (nginx), cannot verify user is non-root`, harden.SymptomUser, "", 0},
	} {
		s, ok := Read(test.line)
		if !ok || s.Kind != test.kind || s.Path != test.path || s.Port != test.port {
			t.Errorf("%s: %s\n  kind %q, path %q, port %d, want %q, %q, %d", test.from, test.line, s.Kind, s.Path, s.Port, test.kind, test.path, test.port)
		}
	}
}

func TestInnocentLines(t *testing.T) {
	for _, line := range []string{
		"",
		`10-listen-on-ipv6-by-default.sh: info: can not modify /etc/nginx/conf.d/default.conf (read-only file system?)`,
		`nginx: [warn] the "user" directive makes sense only if the master process runs with super-user privileges, ignored in /etc/nginx/nginx.conf:2`,
		`2024/01/02 [error] 29#29: *1 open() "/usr/share/nginx/html/favicon.ico" failed (2: No such file or directory)`,
		`10.0.0.7 - - [02/Jan/2024:10:00:00 +0000] "GET /api/v1/users HTTP/1.1" 401 12 "-" "curl/8.0"`,
		`10.0.0.7 - - [02/Jan/2024:10:00:00 +0000] "GET /token HTTP/1.1" 403 12`,
		`level=warn msg="request rejected" status=401 error=Unauthorized path=/login`,
		`Unauthorized`,
		`403 Forbidden: quota of bucket exceeded`,
		`ERROR:  permission denied for table orders`,
		`FATAL:  password authentication failed for user "app"`,
		`ERROR 1045 (28000): Access denied for user 'root'@'10.0.0.7' (using password: YES)`,
		`git@example.com: Permission denied (publickey).`,
		`rpc error: code = PermissionDenied desc = caller does not have permission /orders.Orders/List`,
		`AccessDenied: User is not authorized to perform: s3:GetObject on /bucket/key`,
		`level=info msg="permission denied" path=/api/admin user=bob`,
		`connection refused`,
		`dial tcp 10.96.0.1:443: i/o timeout`,
		`Error: ENOENT: no such file or directory, open '/app/config.json'`,
		`bind: address already in use`,
		`runtime/cgo: pthread_create failed: Resource temporarily unavailable`,
		`INFO starting server on 0.0.0.0:8080 (read-only mode)`,
		`Mounting /data read-only`,
		`level=error msg="something failed" err="EOF"`,
		`DEBUG seccomp profile loaded`,
		`chown completed for /data`,
		`started worker with uid 101`,
		`Setting up in-cluster configuration`,
		`token refreshed`,
		`Warning: mounting erofs image /x`,
	} {
		if s, ok := Read(line); ok {
			t.Errorf("%q was taken for %q", line, s.Kind)
		}
	}
}

func TestReadToken(t *testing.T) {
	for line, want := range map[string]bool{
		`level=error msg="listing orders" err="server answered 401 Unauthorized"`: true,
		`urllib3 exception: 403 Forbidden`:                                        true,
		`open /x: permission denied`:                                              true,
		`10.0.0.7 - - "GET / HTTP/1.1" 401 12`:                                    false,
		`login rejected: Unauthorized`:                                            false,
	} {
		if _, ok := ReadToken(line); ok != want {
			t.Errorf("%q: %v, want %v", line, ok, want)
		}
	}
}

func TestClean(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"\x1b[31mERROR\x1b[0m open /x\tfailed\r", "ERROR open /x failed"},
		{`connecting to postgres://app:hunter2@db/shop failed`, `connecting to postgres://app:***@db/shop failed`},
		{`{"password":"hunter2","user":"app"}`, `{"password":"***","user":"app"}`},
		{`DB_PASSWORD=hunter2 ./run`, `DB_PASSWORD=*** ./run`},
		{`open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file`, `open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file`},
	} {
		if got := Clean(test.line); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
	if n := len([]rune(Clean(strings.Repeat("ü", 1000)))); n != MaxLine {
		t.Errorf("a long line has %d characters, want %d", n, MaxLine)
	}
}

func TestKeyIgnoresTimesAndNumbers(t *testing.T) {
	one, _ := Read("2024/01/02 10:00:00 [emerg] 7#7: setgid(107) failed (1: Operation not permitted)")
	two, _ := Read("2025/11/30 23:59:59 [emerg] 29#29: setgid(107) failed (1: Operation not permitted)")
	other, _ := Read("ping: socket: Operation not permitted")
	if Key(one) != Key(two) || Key(one) == Key(other) {
		t.Errorf("keys %q, %q, %q: want the first two equal, the third not", Key(one), Key(two), Key(other))
	}
}

func FuzzRead(f *testing.F) {
	f.Add("open /x: read-only file system")
	f.Add("\x1b[ '/ -> '/: permission denied")
	f.Fuzz(func(t *testing.T, line string) {
		if s, ok := Read(line); ok && (len([]rune(s.Line)) > MaxLine || s.Path != "" && s.Path[0] != '/') {
			t.Errorf("%q: %+v", line, s)
		}
	})
}
