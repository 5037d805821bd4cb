package flows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest/nettest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
)

// hubble is a line as hubble observe -o json writes it (flow.proto of Cilium's API).
func hubble(verdict, source, destination, rest string) string {
	return `{"flow":{"time":"2026-03-01T11:00:00.5Z","verdict":"` + verdict + `","IP":{"source":"10.244.0.7","destination":"10.244.0.8","ipVersion":"IPv4"},` +
		`"source":` + source + `,"destination":` + destination + `,"Type":"L3_L4","node_name":"node-1",` + rest + `},"node_name":"node-1","time":"2026-03-01T11:00:00.5Z"}`
}

const (
	hubbleWeb   = `{"ID":1,"identity":7,"namespace":"shop","labels":["k8s:app=web","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"web-6d5f-x","workloads":[{"name":"web","kind":"Deployment"}]}`
	hubbleDB    = `{"ID":2,"identity":8,"namespace":"shop","labels":["k8s:app=db"],"pod_name":"db-7c-y"}`
	hubbleWorld = `{"identity":2,"labels":["reserved:world"]}`
	toSQL       = `"l4":{"TCP":{"source_port":40000,"destination_port":5433,"flags":{"SYN":true}}},"is_reply":false`
	fromSQL     = `"l4":{"TCP":{"source_port":5433,"destination_port":40000,"flags":{"SYN":true,"ACK":true}}},"is_reply":true`
	toHTTPS     = `"l4":{"TCP":{"source_port":40001,"destination_port":443}},"is_reply":false,"destination_names":["api.example.com"]`
)

func TestHubble(t *testing.T) {
	text := strings.Join([]string{
		hubble("FORWARDED", hubbleWeb, hubbleDB, toSQL),
		hubble("FORWARDED", hubbleDB, hubbleWeb, fromSQL),
		hubble("DROPPED", hubbleWeb, hubbleWorld, toSQL),
		`{"node_status":{"state_change":"NODE_CONNECTED","node_names":["node-1"]},"node_name":"node-1"}`,
		"",
		hubble("FORWARDED", hubbleWeb, hubbleDB, `"l4":{"ICMPv4":{"type":8}}`),
		strings.Replace(hubble("FORWARDED", hubbleWeb, hubbleWorld, toHTTPS), "10.244.0.8", "198.51.100.9", 1),
	}, "\r\n")
	got, err := flows.Read(strings.NewReader("\n"+text), "flows.json")
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, time.March, 1, 11, 0, 0, 500e6, time.UTC)
	web := harden.ObservedEnd{Namespace: "shop", Pod: "web-6d5f-x", Kind: "Deployment", Workload: "web", Labels: map[string]string{"app": "web"}}
	db := harden.ObservedEnd{Namespace: "shop", Pod: "db-7c-y", Labels: map[string]string{"app": "db"}, Address: "10.244.0.8"}
	reply := db
	reply.Address = "10.244.0.7"
	want := []harden.ObservedFlow{
		{From: web, To: db, Port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 5433}, Source: "flows.json (Hubble)", Time: when},
		{From: web, To: reply, Port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 5433}, Source: "flows.json (Hubble)", Time: when}, // turned round
		{From: web, To: harden.ObservedEnd{Reserved: "world", Address: "198.51.100.9", Name: "api.example.com"}, Port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 443}, Source: "flows.json (Hubble)", Time: when},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	inv := nettest.Known(t, harden.EngineCilium, backend, workload("shop", "web", "env: [{name: DB_HOST, value: db}]"))
	inv.Flows = got
	seen := []string{"shop/web -> internet tcp/443 medium api.example.com", "shop/web -> shop/db tcp/5433 high"}
	if diff := cmp.Diff(seen, told(inv.Fresh())); diff != "" {
		t.Errorf("what they mean (-want +got):\n%s", diff)
	}
}

func TestCSV(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, backend, workload("shop", "web", ""), pod("shop", "web", "web-1", "10.244.0.7"))
	got, err := flows.Read(strings.NewReader("\ufeff# who calls whom\nport,from_namespace,from,to_namespace,to,to_address,to_host,from_address,verdict,time\n"+
		"5433,shop,Deployment/web,shop,db,,,,forwarded,2026-03-01T11:00:00Z\n"+
		"5433,shop,web,shop,Deployment/db,,,,ALLOWED,\n"+
		"5433,shop,Pod/web-1,shop,db,,,,dropped,\n"+
		"5432,shop,web-1,,,10.96.1.1,,,,\n"+ // through the Service
		"443,shop,web,,,,api.example.com,,,\n"+
		"8080,,,shop,web,,,198.51.100.7,,\n"), "seen.csv")
	if err != nil {
		t.Fatal(err)
	}
	inv.Flows = got
	want := []string{"internet -> shop/web tcp/8080 medium", "shop/web -> internet tcp/443 medium api.example.com", "shop/web -> shop/db tcp/5433 medium"}
	if diff := cmp.Diff(want, told(inv.Fresh())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnreadableFlowsSayWhereAndWhatToDo(t *testing.T) {
	const header = "from_namespace,from,to_namespace,to,port\n"
	for name, test := range map[string]struct{ text, want string }{
		"empty":            {" \n", `"f": it is empty; write it with: hubble observe -o json`},
		"broken JSON":      {"{\n", `"f": line 1: it is no JSON of Hubble`},
		"a type":           {hubble("FORWARDED", hubbleWeb, hubbleDB, toSQL) + "\n{\"flow\":7}", "line 2: it is no JSON of Hubble"},
		"a long line":      {"{" + strings.Repeat(" ", 2<<20), "line 1 is longer than 1048576 bytes"},
		"no header":        {"shop,web,shop,db,5432\n", `line 1: column "shop" is not known: use time,`},
		"no port":          {"from_namespace,from\n", `line 1: column "port" is missing`},
		"fields":           {header + "a,b\n", "line 2: 2 fields, and the first line names 5 columns"},
		"port":             {header + "\nshop,web,shop,db,http\n", `line 3: port "http" is no number from 1 to 65535`},
		"nobody":           {header + ",,shop,db,80\n", "line 2: where it comes from: neither a namespace nor an address is given"},
		"no namespace":     {header + "shop,web,,db,80\n", `line 2: where it goes to: "db" has no namespace beside it`},
		"address":          {"from_address,to_namespace,port\nx,shop,80\n", `line 2: where it comes from: "x" is no IP address`},
		"protocol":         {"protocol,from_namespace,to_namespace,port\nicmp,a,b,1\n", `line 2: protocol "icmp" is not known: use tcp, udp or sctp`},
		"time":             {"time,from_namespace,to_namespace,port\nnow,a,b,1\n", `line 2: time "now" is not as in 2006-01-02T15:04:05Z`},
		"an open quote":    {header + "\"shop,web\n", "line 2: it is no CSV"},
		"comments alone":   {"# nothing\n", `"f": it is empty; its first line must name columns`},
		"a bare carriage ": {"\r\r", `"f": it is empty`},
	} {
		_, err := flows.Read(strings.NewReader(test.text), "f")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(hubble("FORWARDED", hubbleWeb, hubbleDB, toSQL))
	f.Add("from_namespace,from,to_namespace,to,port\nshop,web,shop,db,5432\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := flows.Read(strings.NewReader(text), "f")
		if err != nil {
			return
		}
		for _, o := range all {
			if o.Port.Number < 1 || o.Port.Number > 65535 {
				t.Errorf("port %d", o.Port.Number)
			}
		}
	})
}
