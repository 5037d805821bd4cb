package controlplane

import (
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// EtcdTLS finds etcd members that do not check who talks to them.
var EtcdTLS = &harden.Fixer{
	ID:       "cp-etcd-tls",
	Title:    "etcd does not check who talks to it",
	Area:     harden.AreaControlPlane,
	Severity: harden.High,
	Subject:  harden.SubjectWorkload,
	Doc: `
etcd takes connections without TLS, without a client certificate, or from whoever the cluster's CA signed.

Fields:

    --listen-client-urls, --cert-file, --key-file, --client-cert-auth, --auto-tls
    --listen-peer-urls, --peer-cert-file, --peer-key-file, --peer-client-cert-auth, --peer-auto-tls
    --trusted-ca-file, against --client-ca-file of kube-apiserver
    and the variables ETCD_CLIENT_CERT_AUTH and the like

Allowed: certificates and client-cert-auth for clients and for peers, no certificates that etcd makes
for itself, and a CA of its own. There is one finding for clients, one for peers and one for the CA.

**Why it matters.** Who reads etcd reads all Secrets, and who writes it is administrator, past
authentication, RBAC and audit. With the CA that also signs users, every certificate of the cluster opens
it.

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** Flags win over the environment, and with --config-file etcd reads nothing but that file, which
is not visible from here: the verdict is unknown. A URL with http on a loopback address is open to all pods on
the host network of that node. Metrics URLs (--listen-metrics-urls) may be http. An etcd outside of the cluster has no pod and is
not judged.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "2.1"},
		{Standard: "CIS", ID: "2.2"},
		{Standard: "CIS", ID: "2.3"},
		{Standard: "CIS", ID: "2.4"},
		{Standard: "CIS", ID: "2.5"},
		{Standard: "CIS", ID: "2.6"},
		{Standard: "CIS", ID: "2.7"},
		{Standard: "NSA", ID: "encryption"},
		{Standard: "Trivy", ID: "KCV-0042"},
		{Standard: "Trivy", ID: "KCV-0043"},
		{Standard: "Trivy", ID: "KCV-0044"},
		{Standard: "Trivy", ID: "KCV-0045"},
		{Standard: "Trivy", ID: "KCV-0046"},
		{Standard: "Trivy", ID: "KCV-0047"},
		{Standard: "Kubescape", ID: "C-0153"},
		{Standard: "Kubescape", ID: "C-0154"},
		{Standard: "Kubescape", ID: "C-0155"},
		{Standard: "Kubescape", ID: "C-0156"},
		{Standard: "Kubescape", ID: "C-0157"},
		{Standard: "Kubescape", ID: "C-0158"},
		{Standard: "Kubescape", ID: "C-0159"},
	},
	Reads: harden.InCluster(harden.Templates),
	Check: checkEtcdTLS,
	Fix:   fixEtcdTLS,
}

func checkEtcdTLS(p *harden.Pass) {
	c, ok := find(p, etcd)
	if !ok {
		return
	}
	for name, value := range c.env {
		flag := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "ETCD_")), "_", "-")
		if _, set := c.flags[flag]; strings.HasPrefix(name, "ETCD_") && !set {
			c.flags[flag] = value
		}
	}
	if c.has("config-file") {
		p.Unknown("etcd reads its settings from the file of --config-file alone, and it is not visible from here")
		return
	}
	for _, side := range []struct{ name, prefix, urls string }{{"clients", "", "listen-client-urls"}, {"peers", "peer-", "listen-peer-urls"}} {
		if why := c.open(side.prefix, side.urls); len(why) > 0 {
			c.report(p, harden.Finding{
				Discriminator: side.name, Verdict: side.name, Reason: "etcd does not check its " + side.name,
				Detail: strings.Join(why, "; ") + ".",
			})
		}
	}
	if ca := c.flags["trusted-ca-file"]; ca != "" && slices.Contains(harden.Derive(p.Inventory, clientCAs, harden.Templates), ca) {
		c.report(p, harden.Finding{
			Discriminator: "ca", Verdict: "ca", Reason: "etcd trusts the CA of the cluster's users",
			Detail: c.say("trusted-ca-file") + " is the file that the API server takes for --client-ca-file: every certificate of a user, a kubelet or a component opens etcd.",
		})
	}
}

// open says what lets in whoever talks to etcd; prefix is that of the flags.
func (c *process) open(prefix, urls string) []string {
	var why []string
	for _, url := range c.list(urls) {
		if strings.HasPrefix(url, "http://") {
			why = append(why, "--"+urls+" has "+harden.OneLine(url)+", without TLS")
		}
	}
	if c.is(prefix+"auto-tls", true) {
		why = append(why, c.say(prefix+"auto-tls")+": certificates that etcd makes for itself, which nobody can check")
	} else if !c.has(prefix+"cert-file") || !c.has(prefix+"key-file") {
		why = append(why, "no --"+prefix+"cert-file and --"+prefix+"key-file")
	}
	if !c.is(prefix+"client-cert-auth", true) {
		why = append(why, c.say(prefix+"client-cert-auth")+": no certificate is asked for")
	}
	return why
}

// userCAs are the files with the CA of users, as the API servers are told.
type userCAs []string

func clientCAs(inv *harden.Inventory) userCAs {
	var files userCAs
	for _, w := range inv.Workloads {
		if w.Ref.Namespace != "kube-system" || w.Template.Labels["component"] != apiServer {
			continue
		}
		for _, c := range w.Template.Spec.Containers {
			if file := parse(slices.Concat(c.Command, c.Args))["client-ca-file"]; file != "" {
				files = append(files, file)
			}
		}
	}
	return files
}

func fixEtcdTLS(p *harden.Pass, f *harden.Finding) []harden.Fix {
	switch f.Verdict {
	case "clients":
		return byHand(p, "let in clients with a certificate alone",
			"set --client-cert-auth=true, --cert-file, --key-file and --trusted-ca-file (kubeadm: /etc/kubernetes/pki/etcd/server.crt, server.key and ca.crt), take --auto-tls out, and use https in --listen-client-urls and --advertise-client-urls. "+
				"The API server needs --etcd-certfile, --etcd-keyfile and --etcd-cafile in the same step.")
	case "peers":
		return byHand(p, "let in peers with a certificate alone",
			"set --peer-client-cert-auth=true, --peer-cert-file, --peer-key-file and --peer-trusted-ca-file (kubeadm: /etc/kubernetes/pki/etcd/peer.crt, peer.key and ca.crt), take --peer-auto-tls out, and use https in --listen-peer-urls. Change one member after the other, as etcd's guide to runtime reconfiguration says.")
	}
	return byHand(p, "give etcd a CA of its own", "make a CA for etcd alone, sign the certificates of its members and of the API server's client with it, and set --trusted-ca-file and --peer-trusted-ca-file to it; for the change both CAs may stand in one file.")
}
