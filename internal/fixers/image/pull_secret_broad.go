package image

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PullSecretBroad finds credentials of registries that more have than need them.
var PullSecretBroad = &harden.Fixer{
	ID:       "pull-secret-broad",
	Title:    "hands a registry's credential to more than need it",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectServiceAccount,
	Doc: `
A ServiceAccount hands the credential of a registry to all pods that use it, and the account
or the credential is used widely.

Fields:

    imagePullSecrets[] of ServiceAccounts
    names and types of the Secrets in all namespaces (never their content)
    the images of the workloads that use the account

Allowed: secrets of accounts that are made for one workload, and that exist in few namespaces.

The verdicts: *default*, for the account default, which every pod gets that names none;
*copied*, where Secrets of that name hold a credential of a registry in five namespaces or
more; *static*, for images on Amazon's ECR, whose passwords end after 12 hours, so that
something keeps a copy fresh which the node could get by itself.

**Why it matters.** Who may make a pod in the namespace, or read its Secrets, has the
credential, and with it mostly all images of the team, and their source. One copy in each
namespace means as many places to steal it from, and as many to change when it is stolen.

**The fix.** By hand: a credential for reading one repository at the account of the workload that
needs it; or none, where the kubelet gets one for the node (credential provider) or, from
1.34 on, for the ServiceAccount.

**Traps.** Without the secret pods start no more on nodes that do not have the image. Operators
such as reflector or External Secrets make the copies again.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1552.007"},
		{Standard: "ATT&CK", ID: "MS-TA9037"},
	},
	Reads: harden.InCluster(harden.Templates, harden.KindSecret),
	Check: checkPullSecretBroad,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "give the credential to those alone that need it", Class: harden.Review,
			Manual: fmt.Sprintf("Let the nodes authenticate by their credential provider, or make a credential that may only read the repositories of one workload, name it at the ServiceAccount of that workload, and take %s out of imagePullSecrets of %s.", f.Discriminator, f.Object),
		}}
	},
}

// manyCopies is from how many namespaces on a credential counts as copied around.
const manyCopies = 5

func checkPullSecretBroad(p *harden.Pass) {
	account := p.ServiceAccount
	if len(account.ImagePullSecrets) == 0 {
		return
	}
	pulls := harden.Derive(p.Inventory, pullsOf, harden.Templates, harden.KindSecret)
	for _, secret := range account.ImagePullSecrets {
		copies := len(pulls.copies[secret.Name])
		f := harden.Finding{Discriminator: secret.Name, Field: "imagePullSecrets[" + secret.Name + "]"}
		switch registry := pulls.ecr[[2]string{account.Namespace, account.Name}]; {
		case account.Name == "default":
			f.Verdict, f.Reason = "default", "the account default hands out the pull secret "+secret.Name
			f.Detail = fmt.Sprintf("Every pod of the namespace that names no account pulls with the credential in Secret %q.", secret.Name)
		case copies >= manyCopies:
			f.Verdict, f.Reason = "copied", fmt.Sprintf("the pull secret %s is in %d namespaces", secret.Name, copies)
			f.Detail = fmt.Sprintf("Secrets %q hold a credential of a registry in %d namespaces; whether it is the same one is not read.", secret.Name, copies)
		case registry != "":
			f.Verdict, f.Reason = "static", "the pull secret "+secret.Name+" holds a password that ends after 12 hours"
			f.Detail = fmt.Sprintf("Pods of the account pull from %s, whose passwords end after 12 hours: something keeps Secret %q fresh, and has to have rights for that.", registry, secret.Name)
		default:
			continue
		}
		p.Report(f)
	}
}

// pulls are what Secrets and images say about credentials of registries.
type pulls struct {
	copies map[string]map[string]bool // by name of the Secret, its namespaces
	ecr    map[[2]string]string       // by namespace and account, a private registry of ECR that its pods pull from
}

// privateECR is the domain of a private registry of ECR, in any partition.
var privateECR = regexp.MustCompile(`^\d{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)$`)

func pullsOf(i *harden.Inventory) *pulls {
	out := &pulls{copies: map[string]map[string]bool{}, ecr: map[[2]string]string{}}
	for o, s := range harden.All[*harden.SecretMeta](i, harden.KindSecret) {
		if s.Type != corev1.SecretTypeDockerConfigJson && s.Type != corev1.SecretTypeDockercfg {
			continue
		}
		if out.copies[o.Ref.Name] == nil {
			out.copies[o.Ref.Name] = map[string]bool{}
		}
		out.copies[o.Ref.Name][o.Ref.Namespace] = true
	}
	for _, w := range i.Workloads {
		account := w.Template.Spec.ServiceAccountName
		if account == "" {
			account = "default"
		}
		domains := map[string]bool{}
		for _, c := range slices.Concat(w.Template.Spec.InitContainers, w.Template.Spec.Containers) {
			if r, err := referenceOf(i, c.Image); err == nil && privateECR.MatchString(r.Domain) {
				domains[r.Domain] = true
			}
		}
		if key := [2]string{w.Ref.Namespace, account}; len(domains) > 0 && out.ecr[key] == "" {
			out.ecr[key] = slices.Sorted(maps.Keys(domains))[0]
		}
	}
	return out
}
