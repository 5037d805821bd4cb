package testimages

import (
	"slices"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A recipe is what an image is made of.
type recipe struct {
	name, about string
	breaks      map[Setting]Break
	base        base
	packages    []string // of Debian, on its base
	users       []user
	program     file
	files       []file
	config      v1.Config
	workload    workload
}

type base int

const (
	scratch base = iota
	busybox      // a shell and little else
	debian
)

const (
	pathVar  = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	appPath  = "usr/local/bin/app"
	appID    = 10001
	appUser  = "10001:10001"
	cacheDir = "var/cache/app"
	stateDir = "var/lib/app"
)

// What containers, the kubelet or a log say when a setting breaks something.
var (
	runsAsRoot = Break{Says: "container has runAsNonRoot and image will run as root"}
	notANumber = Break{Says: "container has runAsNonRoot and image has non-numeric user"}
	// execDenied is the answer to starting a program with a file capability that the container may not have.
	execDenied = Break{Says: "operation not permitted"}
)

func readOnly(does, path string) Break {
	return Break{Says: does + " /" + path + ": read-only file system"}
}

// app is the recipe of an image that runs the program app on a port with some flags, on the busybox base.
func app(name, user string, port int, about string, flags ...string) recipe {
	args := append([]string{"/" + appPath, "-listen=:" + strconv.Itoa(port)}, flags...)
	return recipe{
		name: name, about: about, base: busybox,
		program: file{path: appPath, program: "app", mode: 0o755},
		config: v1.Config{
			User: user, Entrypoint: args, Env: []string{pathVar},
			ExposedPorts: map[string]struct{}{strconv.Itoa(port) + "/tcp": {}},
		},
		workload: workload{Port: port, Replicas: 2, Path: "/healthz"},
	}
}

func (r recipe) with(change func(r *recipe)) recipe {
	change(&r)
	return r
}

// breaking says which settings the image does not survive.
func (r recipe) breaking(breaks map[Setting]Break) recipe {
	r.breaks = breaks
	return r
}

// holding adds files to the image.
func (r recipe) holding(files ...file) recipe {
	r.files = append(slices.Clip(r.files), files...)
	return r
}

// having sets variables of the image's environment, "NAME=value".
func (r recipe) having(env ...string) recipe {
	r.config.Env = append(slices.Clip(r.config.Env), env...)
	return r
}

var recipes = slices.Concat(plain, writers, privileged, others, servers)

// plain differ only in their user and port.
var plain = []recipe{
	app("root-web", "", 80, "a web server that runs as root, on port 80").
		breaking(map[Setting]Break{NonRoot: runsAsRoot}),
	app("numeric", appUser, 8080, "a web server whose user is a number: it lives with everything"),
	app("named", "app", 8080, "a web server whose user is a name of /etc/passwd, 10002:10002").
		breaking(map[Setting]Break{NonRoot: notANumber}).
		with(func(r *recipe) { r.users = []user{{"app", 10002, "/"}} }),
	app("nobody", "nobody", 8080, "a web server whose user is nobody, 65534:65534 in /etc/passwd").
		breaking(map[Setting]Break{NonRoot: notANumber}),
	app("distroless", "65532", 8080, "a web server and nothing else: no shell, no tools").
		with(func(r *recipe) { r.base, r.users = scratch, []user{{"nonroot", 65532, "/"}} }),
	app("low-port", appUser, 80, "a web server on port 80 without any capability, which containerd 2 allows and others do not"),
	app("slow-ready", appUser, 8080, "a web server that is ready READY_AFTER (default 8s) its start").
		having("READY_AFTER=8s"),
}

// writers write into their root file system.
var writers = []recipe{
	app("tmp-writer", appUser, 8080, "writes into /tmp while it serves; without /tmp each request fails, yet it is ready", "-spool=/tmp").
		breaking(map[Setting]Break{ReadOnlyRoot: {Says: "open /tmp/app-spool: read-only file system", Ready: true}}),
	app("cache-writer-root", "", 8080, "as root, writes into a folder that is empty in the image, and does not start without", "-write=/"+cacheDir+"/index").
		breaking(map[Setting]Break{NonRoot: runsAsRoot, ReadOnlyRoot: readOnly("open", cacheDir+"/index")}).
		holding(file{path: cacheDir, folder: true}),
	app("cache-writer", appUser, 8080, "writes into a folder that is empty in the image and its own, and does not start without", "-write=/"+cacheDir+"/index").
		breaking(map[Setting]Break{ReadOnlyRoot: readOnly("open", cacheDir+"/index")}).
		holding(file{path: cacheDir, folder: true, uid: appID, gid: appID}),
	app("self-writer", appUser, 8080, "writes into /app, where its program is too").
		breaking(map[Setting]Break{ReadOnlyRoot: readOnly("open", "app/app.pid")}).
		holding(file{path: "app", folder: true, uid: appID, gid: appID}).
		with(func(r *recipe) {
			r.program.path = "app/server"
			r.config.WorkingDir = "/app"
			r.config.Entrypoint = []string{"/app/server", "-listen=:8080", "-write=/app/app.pid"}
		}),
	app("seeded", appUser, 8080, "writes into /var/lib/app, and needs a file that the image has there", "-need=/"+stateDir+"/defaults.json", "-write=/"+stateDir+"/state").
		breaking(map[Setting]Break{ReadOnlyRoot: readOnly("open", stateDir+"/state")}).
		holding(
			file{path: stateDir, folder: true, uid: appID, gid: appID},
			file{path: stateDir + "/defaults.json", data: []byte("{\"limit\": 10}\n"), uid: appID, gid: appID},
		),
	app("volume", appUser, 8080, "writes into a VOLUME of the image, which containerd keeps writable", "-write=/data/state").
		holding(file{path: "data", folder: true, uid: appID, gid: appID}).
		with(func(r *recipe) { r.config.Volumes = map[string]struct{}{"/data": {}} }),
	app("late-fail", appUser, 8080, "writes into /var/lib/app FAIL_AFTER (default 20s) its start, and exits when it cannot", "-flush=/"+stateDir+"/state").
		breaking(map[Setting]Break{ReadOnlyRoot: {Says: "flush /" + stateDir + "/state: read-only file system", Ready: true}}).
		holding(file{path: stateDir, folder: true, uid: appID, gid: appID}).
		having("FAIL_AFTER=20s"),
}

// privileged need something of root's.
var privileged = []recipe{
	app("root-drop", "", 8080, "starts as root, gives /var/lib/app to 10001 and becomes 10001 by system calls, as gosu does",
		"-chown=/"+stateDir, "-user="+appUser, "-write=/"+stateDir+"/state").
		breaking(map[Setting]Break{
			NonRoot:      runsAsRoot,
			ReadOnlyRoot: readOnly("lchown", stateDir),
			DropAll:      {Says: "lchown /" + stateDir + ": operation not permitted"},
		}).
		holding(file{path: stateDir, folder: true}),
	app("setuid-user", appUser, 8080, "runs a setuid-root program, at start and with each request, that reads a file that nobody but a capable root can",
		"-helper=/usr/local/bin/readkey").
		breaking(map[Setting]Break{
			NoEscalation: {Says: "open /etc/app/key: permission denied"},
			DropAll:      {Says: "open /etc/app/key: permission denied"},
		}).
		holding(
			file{path: "usr/local/bin/readkey", program: "readkey", mode: 0o4755},
			file{path: "etc/app/key", data: []byte("key\n"), sealed: true},
		),
	app("filecap", appUser, 80, "not root, on port 80 by a file capability; the kernel does not start it where that cannot be had").
		breaking(map[Setting]Break{DropAll: execDenied}).
		with(func(r *recipe) { r.program.caps = netBindService }),
	app("root-filecap", "", 80, "root, and its program has a file capability all the same, as that of caddy").
		breaking(map[Setting]Break{NonRoot: runsAsRoot, DropAll: execDenied}).
		with(func(r *recipe) { r.program.caps = netBindService }),
}

var others = []recipe{
	app("token-user", appUser, 8080, "calls the API server with its token, and is ready while that works", "-token").
		breaking(map[Setting]Break{NoToken: {Says: "serviceaccount/token: no such file or directory"}}),
	app("token-free", appUser, 8080, "never touches its token"),
	app("seccomp-sensitive", appUser, 8080, "does not start under a seccomp filter, as new libcs did under old profiles", "-thread").
		breaking(map[Setting]Break{Seccomp: {Says: "pthread_create failed: Operation not permitted"}}),
}

// servers are made in the manner of the official images of these names: an entrypoint script starts as root and drops.
var servers = []recipe{
	{
		name: "nginx", about: "nginx on port 80: its master is root, its workers are not, and it writes into /var/cache/nginx and /run",
		breaks: map[Setting]Break{
			NonRoot:      runsAsRoot,
			ReadOnlyRoot: {Says: `mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)`},
			DropAll:      {Says: `chown("/var/cache/nginx/client_temp", 101) failed (1: Operation not permitted)`},
		},
		base: debian, packages: []string{"nginx"},
		users: []user{{"nginx", 101, "/nonexistent"}},
		files: []file{
			{path: "var/cache/nginx", folder: true},
			{path: "var/log/nginx/access.log", link: "/dev/stdout"},
			{path: "var/log/nginx/error.log", link: "/dev/stderr"},
		},
		config: v1.Config{
			Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"}, Env: []string{pathVar},
			ExposedPorts: map[string]struct{}{"80/tcp": {}}, StopSignal: "SIGQUIT",
		},
		workload: workload{Port: 80, Replicas: 2, Path: "/", StopAfter: 3},
	},
	{
		name: "redis", about: "redis: its entrypoint gives the VOLUME /data to redis, as root, and becomes redis with gosu",
		breaks: map[Setting]Break{
			NonRoot: runsAsRoot,
			DropAll: {Says: "failed switching to 999:999: setgroups: operation not permitted"},
		},
		base: debian, packages: []string{"redis-server"},
		users: []user{{"redis", 999, "/nonexistent"}},
		files: []file{
			{path: "usr/local/bin/gosu", program: "gosu", mode: 0o755},
			{path: "data", folder: true, uid: 999, gid: 999},
		},
		config: v1.Config{
			Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"redis-server", "--protected-mode", "no"}, Env: []string{pathVar},
			ExposedPorts: map[string]struct{}{"6379/tcp": {}}, Volumes: map[string]struct{}{"/data": {}}, WorkingDir: "/data",
		},
		workload: workload{Port: 6379, Replicas: 1, Command: []string{"redis-cli", "ping"}},
	},
	{
		name: "postgres", about: "postgres: its entrypoint gives its VOLUME to postgres, as root, becomes postgres with gosu, and makes a database at first",
		breaks: map[Setting]Break{
			NonRoot:      runsAsRoot,
			ReadOnlyRoot: {Says: `could not create lock file "/var/run/postgresql/.s.PGSQL.5432.lock": Read-only file system`},
			DropAll:      {Says: "failed switching to 999:999: setgroups: operation not permitted"},
		},
		base: debian, packages: []string{"postgresql"},
		users: []user{{"postgres", 999, "/var/lib/postgresql"}},
		files: []file{
			{path: "usr/local/bin/gosu", program: "gosu", mode: 0o755},
			{path: "var/lib/postgresql", folder: true, uid: 999, gid: 999},
			{path: "var/lib/postgresql/data", folder: true, mode: 0o1777, uid: 999, gid: 999},
			{path: "run/postgresql", folder: true, mode: 0o3777, uid: 999, gid: 999},
		},
		config: v1.Config{
			Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"postgres", "-c", "listen_addresses=*"},
			Env:          []string{pathVar, "LANG=C.UTF-8", "PGDATA=/var/lib/postgresql/data"},
			ExposedPorts: map[string]struct{}{"5432/tcp": {}}, Volumes: map[string]struct{}{"/var/lib/postgresql/data": {}}, StopSignal: "SIGINT",
		},
		workload: workload{Port: 5432, Replicas: 1, Stateful: true, Command: []string{"sh", "-c", "exec /usr/lib/postgresql/*/bin/pg_isready --username=postgres --host=127.0.0.1"}},
	},
}
