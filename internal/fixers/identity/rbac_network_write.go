package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// NetworkWrite finds grants that change the network.
var NetworkWrite = powerRule("Keep it to controllers of the network and to the namespaces that a subject deploys to.", harden.Fixer{
	ID:       "rbac-network-write",
	Title:    "may change where traffic goes",
	Severity: harden.Medium,
	Doc: `
A subject may write what decides where traffic goes.

Fields:

    rules[] of the role: networkpolicies, ingresses, services, endpoints, endpointslices,
    gateways and routes with create, update, patch, delete or deletecollection

Allowed: reading them, and the status subresources that controllers write.

**Why it matters.** Deleting a NetworkPolicy opens what it closed. A Service or a route
with other endpoints takes over the traffic of an application, with its credentials, and
an Ingress puts something inner on the internet.

**The fix.** The verbs are taken out of the role where the rule names them. Controllers and
continuous delivery keep them where they work, by RoleBindings.

**Traps.** get, list and watch are not found, nor is ingresses/status: ingress controllers
need these and no more. Whoever may write endpoints can send traffic to addresses outside
of the namespace (CVE-2021-25740), which is why "edit" has not had it since 1.22.
`,
	Refs: []harden.Reference{
		{Standard: "Trivy", ID: "KSV-0056"},
		{Standard: "ATT&CK", ID: "T1557"},
	},
})
