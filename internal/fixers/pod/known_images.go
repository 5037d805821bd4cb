package pod

import (
	"slices"
	"strings"

	imageref "github.com/kubectl-harden/kubectl-harden/internal/fixers/image"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A familiar image is one whose behaviour is known from its source. It is
// recognised by the end of its repository together with its entrypoint and a
// variable that its Dockerfile sets, never by a name alone: mirrors keep all
// three, and another image of the same name does not have them.
type familiar struct {
	name       string
	repository string // the last segments of the path
	entrypoint string // base name of the first word of Entrypoint
	variable   string // name of an environment variable
	// capabilities that its start as root needs.
	capabilities []string
	// writes are directories that it writes to at run time.
	writes []string
	// tries are what its entrypoint changes if it can.
	tries []attempt
	// source is where this is to be read.
	source string
}

// An attempt is a directory that an entrypoint changes if it can.
type attempt struct {
	dir    string
	unless string // a path: where something is mounted there, it must be able to
	says   string // what is different where it cannot
}

var familiars = []familiar{
	{
		name: "the official postgres", repository: "postgres", entrypoint: "docker-entrypoint.sh", variable: "PG_MAJOR",
		capabilities: []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}, writes: []string{"/run/postgresql"},
		source: "docker-library/postgres, docker-entrypoint.sh; docker-library/postgres#649",
	},
	{
		name: "the official mysql", repository: "mysql", entrypoint: "docker-entrypoint.sh", variable: "MYSQL_MAJOR",
		capabilities: []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}, writes: []string{"/run/mysqld"},
		source: "docker-library/mysql, docker-entrypoint.sh",
	},
	{
		name: "the official mariadb", repository: "mariadb", entrypoint: "docker-entrypoint.sh", variable: "MARIADB_VERSION",
		capabilities: []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}, writes: []string{"/run/mysqld"},
		source: "MariaDB/mariadb-docker, docker-entrypoint.sh",
	},
	{
		name: "the official redis", repository: "redis", entrypoint: "docker-entrypoint.sh", variable: "REDIS_DOWNLOAD_URL",
		capabilities: []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"},
		source:       "redis/docker-library-redis, docker-entrypoint.sh",
	},
	{
		name: "the official nginx", repository: "nginx", entrypoint: "docker-entrypoint.sh", variable: "NGINX_VERSION",
		capabilities: []string{"CHOWN", "SETGID", "SETUID"}, writes: []string{"/var/cache/nginx", "/run"},
		tries: []attempt{{
			dir: "/etc/nginx/conf.d", unless: "/etc/nginx/templates",
			says: "Its entrypoint adds \"listen [::]:80\" to /etc/nginx/conf.d/default.conf if it may write there. On a read-only file system it says so in the log and goes on, " +
				"and with that file the server does not listen on IPv6.",
		}},
		source: "nginx/docker-nginx, 10-listen-on-ipv6-by-default.sh; docker-library/docs#2198",
	},
}

// familiarOf recognises the image of the container.
func familiarOf(c harden.Container, facts *harden.ImageFacts) (familiar, bool) {
	r, err := imageref.ParseReference(c.Image)
	if err != nil || facts == nil || len(facts.Entrypoint) == 0 || len(c.Command) > 0 {
		return familiar{}, false
	}
	i := slices.IndexFunc(familiars, func(f familiar) bool {
		entrypoint := facts.Entrypoint[0]
		return strings.HasSuffix("/"+r.Path, "/"+f.repository) && strings.HasSuffix("/"+entrypoint, "/"+f.entrypoint) && harden.Getenv(facts.Env, f.variable, "") != ""
	})
	if i < 0 {
		return familiar{}, false
	}
	return familiars[i], true
}
