package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/image"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Weigh moves a finding by at most one step up and one down, and says why.
// Without reasons it stays as it is.
func Weigh(f *harden.Finding, base harden.Severity, up, down string) {
	f.Severity = base
	if up != "" && base < harden.Critical {
		f.Severity++
	}
	if down != "" && f.Severity > harden.Info {
		f.Severity--
	}
	switch {
	case up != "" && down != "":
		f.SeverityWhy = up + ", but " + down
	default:
		f.SeverityWhy = up + down
	}
}

// Idle says why the workload has no pods now, or "".
func Idle(w *harden.Workload) string {
	switch {
	case w.Finished:
		return "it ran to its end"
	case w.Replicas != nil && *w.Replicas == 0:
		return "it has 0 replicas"
	}
	return ""
}

// stores are the names of images that hold data: the last part of their path.
var stores = []string{
	"postgres", "postgresql", "pgbouncer", "timescaledb", "mysql", "mariadb", "percona", "redis", "valkey", "keydb", "dragonfly", "mongo", "mongodb", "memcached",
	"elasticsearch", "opensearch", "cassandra", "scylla", "etcd", "consul", "vault", "kafka", "rabbitmq", "nats", "influxdb", "cockroach", "neo4j", "clickhouse",
	"clickhouse-server", "couchdb", "couchbase", "minio", "zookeeper", "solr", "server", // mssql/server
}

// storePorts are ports on which only data stores listen by custom.
var storePorts = map[int32]string{
	1433: "SQL Server", 1521: "Oracle", 2379: "etcd", 3306: "MySQL", 5432: "PostgreSQL", 5984: "CouchDB", 6379: "Redis", 7687: "Neo4j", 8086: "InfluxDB",
	9042: "Cassandra", 9092: "Kafka", 9200: "Elasticsearch", 11211: "Memcached", 26257: "CockroachDB", 27017: "MongoDB",
}

// dataStore says by what the workload looks like one that holds data, or "".
func dataStore(v *harden.PodView) string {
	for _, c := range v.Containers() {
		if c.Ref.Kind == harden.InitContainer {
			continue
		}
		if r, err := image.ParseReference(c.Image); err == nil && isStore(r.Path) {
			return "its image " + r.Path + " is that of a data store"
		}
		for _, port := range c.Ports {
			if name := storePorts[port.ContainerPort]; name != "" {
				return fmt.Sprintf("its port %d is that of %s", port.ContainerPort, name)
			}
		}
	}
	return ""
}

func isStore(path string) bool {
	last := path[strings.LastIndex(path, "/")+1:]
	if last == "server" {
		return strings.HasSuffix(path, "mssql/server")
	}
	return slices.Contains(stores, last)
}
