package flows

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// maxLine bounds one line of an imported file.
const maxLine = 1 << 20

// Read imports connections that something else saw: Hubble's JSON where the
// first character of the text is a {, CSV otherwise. The name is that of the file, for people.
func Read(r io.Reader, name string) ([]harden.ObservedFlow, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := buffered.Peek(3); string(mark) == "\ufeff" {
		_, _ = buffered.Discard(3)
	}
	for {
		b, err := buffered.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("reading flows of %q: it is empty; write it with: hubble observe -o json", name)
		case err != nil:
			return nil, fmt.Errorf("reading flows of %q: %w", name, err)
		case b[0] == '{':
			return ReadHubble(buffered, name)
		case b[0] != ' ' && b[0] != '\n' && b[0] != '\r' && b[0] != '\t':
			return ReadCSV(buffered, name)
		}
		_, _ = buffered.ReadByte()
	}
}

// lines calls do with each line that is not empty, and names the line in its error.
func lines(r io.Reader, name string, do func(line []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	n := 0
	for s.Scan() {
		n++
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := do(line); err != nil {
			return fmt.Errorf("reading flows of %q: line %d: %w", name, n, err)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("reading flows of %q: line %d is longer than %d bytes: is it one flow a line, as hubble observe -o json writes it?", name, n+1, maxLine)
	}
	if s.Err() != nil {
		return fmt.Errorf("reading flows of %q: %w", name, s.Err())
	}
	return nil
}

// A hubbleLine is a line of hubble observe, as -o jsonpb and -o json write it: a
// GetFlowsResponse (flow.proto and observer.proto of Cilium's API). Older
// versions write the flow alone under -o json.
type hubbleLine struct {
	Flow *hubbleFlow `json:"flow"`
	hubbleFlow
}

type hubbleFlow struct {
	Time    string `json:"time"`
	Verdict string `json:"verdict"`
	IP      struct {
		Source      string `json:"source"`
		Destination string `json:"destination"`
	} `json:"IP"`
	L4 struct {
		TCP  *hubblePorts `json:"TCP"`
		UDP  *hubblePorts `json:"UDP"`
		SCTP *hubblePorts `json:"SCTP"`
	} `json:"l4"`
	Source           hubbleEnd `json:"source"`
	Destination      hubbleEnd `json:"destination"`
	SourceNames      []string  `json:"source_names"`
	DestinationNames []string  `json:"destination_names"`
	IsReply          *bool     `json:"is_reply"`
	Reply            bool      `json:"reply"` // before is_reply
}

type hubblePorts struct {
	SourcePort      int32 `json:"source_port"`
	DestinationPort int32 `json:"destination_port"`
}

type hubbleEnd struct {
	Namespace string   `json:"namespace"`
	PodName   string   `json:"pod_name"`
	Labels    []string `json:"labels"`
	Workloads []struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	} `json:"workloads"`
}

// ReadHubble reads what hubble observe -o json or -o jsonpb wrote: one flow a
// line. Only forwarded connections count, each once; replies are turned round.
func ReadHubble(r io.Reader, name string) ([]harden.ObservedFlow, error) {
	c := collector{source: fmt.Sprintf("%s (Hubble)", name)}
	err := lines(r, name, func(line []byte) error {
		var l hubbleLine
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("it is no JSON of Hubble: %w; write it with: hubble observe -o json", err)
		}
		f := &l.hubbleFlow
		if l.Flow != nil {
			f = l.Flow
		}
		if f.Verdict != "FORWARDED" {
			return nil // also the status lines of nodes, which have none
		}
		if flow, ok := f.observed(); ok {
			c.add(flow)
		}
		return nil
	})
	return c.flows, err
}

func (f *hubbleFlow) observed() (harden.ObservedFlow, bool) {
	out := harden.ObservedFlow{From: f.Source.end(f.IP.Source, f.SourceNames), To: f.Destination.end(f.IP.Destination, f.DestinationNames)}
	out.Time, _ = time.Parse(time.RFC3339Nano, f.Time)
	var p *hubblePorts
	switch {
	case f.L4.TCP != nil:
		p, out.Port.Protocol = f.L4.TCP, corev1.ProtocolTCP
	case f.L4.UDP != nil:
		p, out.Port.Protocol = f.L4.UDP, corev1.ProtocolUDP
	case f.L4.SCTP != nil:
		p, out.Port.Protocol = f.L4.SCTP, corev1.ProtocolSCTP
	default:
		return out, false // ICMP has no ports, and policies say nothing about it
	}
	out.Port.Number = p.DestinationPort
	if f.Reply || f.IsReply != nil && *f.IsReply {
		out.From, out.To = out.To, out.From
		out.Port.Number = p.SourcePort
	}
	return out, out.Port.Number > 0 && out.Port.Number < 1<<16
}

func (e *hubbleEnd) end(address string, names []string) harden.ObservedEnd {
	out := harden.ObservedEnd{Namespace: e.Namespace, Pod: e.PodName, Address: address}
	if len(e.Workloads) > 0 {
		out.Kind, out.Workload = e.Workloads[0].Kind, e.Workloads[0].Name
	}
	if len(names) > 0 {
		out.Name = names[0]
	}
	for _, l := range e.Labels {
		source, label, _ := strings.Cut(l, ":")
		k, v, _ := strings.Cut(label, "=")
		switch {
		case source == "reserved" && (out.Reserved == "" || k == "kube-apiserver"):
			out.Reserved = k
		case source == "k8s" && !strings.HasPrefix(k, "io.cilium.") && !strings.HasPrefix(k, "io.kubernetes.pod."):
			if out.Labels == nil {
				out.Labels = map[string]string{}
			}
			out.Labels[k] = v
		}
	}
	return out
}

// Columns of a CSV. A row names each end by namespace and name, or by an address.
const (
	columnTime          = "time"           // RFC 3339; optional
	columnFromNamespace = "from_namespace" // of the client
	columnFrom          = "from"           // its workload or pod, with or without KIND/ in front
	columnFromAddress   = "from_address"   // where it is no pod
	columnToNamespace   = "to_namespace"
	columnTo            = "to"
	columnToAddress     = "to_address"
	columnToHost        = "to_host"  // DNS name of the far end
	columnProtocol      = "protocol" // tcp, udp or sctp; tcp where it is empty
	columnPort          = "port"     // that the far end listens on
	columnVerdict       = "verdict"  // rows other than forwarded, allowed, allow or accept are passed over; optional
)

var columns = []string{columnTime, columnFromNamespace, columnFrom, columnFromAddress, columnToNamespace, columnTo, columnToAddress, columnToHost, columnProtocol, columnPort, columnVerdict}

// ReadCSV reads connections from a CSV with a line of column names, in any order:
//
//	time,from_namespace,from,from_address,to_namespace,to,to_address,to_host,protocol,port,verdict
//
// Only port and one name or address of each end are required. Lines that begin
// with # are comments.
func ReadCSV(r io.Reader, name string) ([]harden.ObservedFlow, error) {
	c := collector{source: fmt.Sprintf("%s (CSV)", name)}
	var header []string
	err := lines(r, name, func(line []byte) error {
		if line[0] == '#' {
			return nil
		}
		one := csv.NewReader(bytes.NewReader(line))
		fields, err := one.Read()
		if err != nil {
			return fmt.Errorf("it is no CSV: %w", err)
		}
		if header == nil {
			header, err = csvHeader(fields)
			return err
		}
		flow, counts, err := csvFlow(header, fields)
		if err != nil || !counts {
			return err
		}
		c.add(flow)
		return nil
	})
	if err == nil && header == nil {
		err = fmt.Errorf("reading flows of %q: it is empty; its first line must name columns: %s", name, strings.Join(columns, ","))
	}
	return c.flows, err
}

func csvHeader(fields []string) ([]string, error) {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = strings.ToLower(strings.TrimSpace(f))
		if !slices.Contains(columns, out[i]) {
			return nil, fmt.Errorf("column %q is not known: use %s", f, strings.Join(columns, ", "))
		}
	}
	if !slices.Contains(out, columnPort) {
		return nil, fmt.Errorf("column %q is missing: the first line must name columns, of %s", columnPort, strings.Join(columns, ", "))
	}
	return out, nil
}

func csvFlow(header, fields []string) (flow harden.ObservedFlow, counts bool, err error) {
	if len(fields) != len(header) {
		return flow, false, fmt.Errorf("%d fields, and the first line names %d columns", len(fields), len(header))
	}
	row := map[string]string{}
	for i, f := range fields {
		row[header[i]] = strings.TrimSpace(f)
	}
	switch strings.ToLower(row[columnVerdict]) {
	case "", "forwarded", "allowed", "allow", "accept":
	default:
		return flow, false, nil
	}
	if t := row[columnTime]; t != "" {
		if flow.Time, err = time.Parse(time.RFC3339Nano, t); err != nil {
			return flow, false, fmt.Errorf("time %q is not as in 2006-01-02T15:04:05Z", t)
		}
	}
	switch protocol := corev1.Protocol(strings.ToUpper(row[columnProtocol])); protocol {
	case "":
		flow.Port.Protocol = corev1.ProtocolTCP
	case corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP:
		flow.Port.Protocol = protocol
	default:
		return flow, false, fmt.Errorf("protocol %q is not known: use tcp, udp or sctp", row[columnProtocol])
	}
	if flow.Port.Number = portNumber(row[columnPort]); flow.Port.Number == 0 {
		return flow, false, fmt.Errorf("port %q is no number from 1 to 65535", row[columnPort])
	}
	if flow.From, err = csvEnd(row[columnFromNamespace], row[columnFrom], row[columnFromAddress]); err != nil {
		return flow, false, fmt.Errorf("where it comes from: %w", err)
	}
	if flow.To, err = csvEnd(row[columnToNamespace], row[columnTo], row[columnToAddress]); err != nil && row[columnToHost] == "" {
		return flow, false, fmt.Errorf("where it goes to: %w", err)
	}
	flow.To.Name = row[columnToHost]
	if flow.To.Name != "" && flow.To.Address == "" && flow.To.Namespace == "" {
		flow.To.Reserved = "world"
	}
	return flow, true, nil
}

func csvEnd(namespace, name, address string) (harden.ObservedEnd, error) {
	e := harden.ObservedEnd{Namespace: namespace, Workload: name, Pod: name, Address: address}
	if kind, rest, ok := strings.Cut(name, "/"); ok {
		e.Kind, e.Workload, e.Pod = kind, rest, ""
		if strings.EqualFold(kind, "pod") {
			e.Kind, e.Workload, e.Pod = "", "", rest
		}
	}
	if address != "" {
		if _, err := netip.ParseAddr(address); err != nil {
			return e, fmt.Errorf("%q is no IP address", address)
		}
	}
	switch {
	case name != "" && namespace == "":
		return e, fmt.Errorf("%q has no namespace beside it", name)
	case namespace == "" && address == "":
		return e, errors.New("neither a namespace nor an address is given")
	}
	return e, nil
}

// A collector keeps each connection once, as it was seen last.
type collector struct {
	source string
	flows  []harden.ObservedFlow
	at     map[string]int
}

func (c *collector) add(f harden.ObservedFlow) {
	f.Source = c.source
	if f.From.Pod != "" || f.From.Workload != "" {
		f.From.Address = "" // who it was counts, and addresses are many
	}
	key := endKey(&f.From) + "|" + endKey(&f.To) + "|" + f.Port.String()
	if i, ok := c.at[key]; ok {
		if f.Time.After(c.flows[i].Time) {
			c.flows[i].Time = f.Time
		}
		return
	}
	if c.at == nil {
		c.at = map[string]int{}
	}
	c.at[key] = len(c.flows)
	c.flows = append(c.flows, f)
}

func endKey(e *harden.ObservedEnd) string {
	return strings.Join([]string{e.Namespace, e.Pod, e.Kind, e.Workload, e.Address, e.Name, e.Reserved, labels.FormatLabels(e.Labels)}, "|")
}
