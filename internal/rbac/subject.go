package rbac

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Subject is who a binding is for. Namespace is set for ServiceAccounts alone.
type Subject struct{ Kind, Namespace, Name string }

// Groups and users that the API server itself puts requests into.
const (
	allAccounts     = "system:serviceaccounts" // and :NAMESPACE
	accountPrefix   = "system:serviceaccount:"
	authenticated   = "system:authenticated"
	unauthenticated = "system:unauthenticated"
	anonymous       = "system:anonymous"
	masters         = "system:masters"
)

// Account is a ServiceAccount as a subject.
func Account(namespace, name string) Subject {
	return Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}
}

// SubjectOf reads a subject of a binding: a user of the name that a
// ServiceAccount has is the ServiceAccount.
func SubjectOf(s rbacv1.Subject, namespace string) Subject {
	switch {
	case s.Kind == rbacv1.ServiceAccountKind:
		if s.Namespace != "" {
			namespace = s.Namespace
		}
		return Account(namespace, s.Name)
	case s.Kind == rbacv1.UserKind && strings.HasPrefix(s.Name, accountPrefix):
		if ns, name, ok := strings.Cut(strings.TrimPrefix(s.Name, accountPrefix), ":"); ok {
			return Account(ns, name)
		}
	}
	return Subject{Kind: s.Kind, Name: s.Name}
}

// String is KIND [NAMESPACE/]NAME.
func (s Subject) String() string {
	if s.Namespace != "" {
		return harden.OneLine(s.Kind + " " + s.Namespace + "/" + s.Name)
	}
	return harden.OneLine(s.Kind + " " + s.Name)
}

// IsAccount reports whether it is a ServiceAccount.
func (s Subject) IsAccount() bool { return s.Kind == rbacv1.ServiceAccountKind }

// IsMasters reports whether it is the group that no authorizer is asked about.
func (s Subject) IsMasters() bool { return s.Kind == rbacv1.GroupKind && s.Name == masters }

// IsAnonymous reports whether it is anybody who reaches the API server.
func (s Subject) IsAnonymous() bool {
	return s.Kind == rbacv1.UserKind && s.Name == anonymous || s.Kind == rbacv1.GroupKind && s.Name == unauthenticated
}

// IsBroad reports whether it is everybody who has any credential, or every
// ServiceAccount of the cluster or of a namespace.
func (s Subject) IsBroad() bool {
	return s.Kind == rbacv1.GroupKind && (s.Name == authenticated || s.Name == allAccounts || strings.HasPrefix(s.Name, allAccounts+":"))
}

// IsPerson reports whether it is a user or a group that is not of the cluster
// itself: somebody who logs in, whose credentials no pod carries.
func (s Subject) IsPerson() bool {
	return !s.IsAccount() && !s.IsMasters() && !s.IsAnonymous() && !s.IsBroad() && s.Vendor() == ""
}

// vendors are prefixes of users and groups that belong to the control plane or
// to a provider of it.
var vendors = []struct{ prefix, who string }{
	{"system:openshift:", "OpenShift"},
	{"openshift:", "OpenShift"},
	{"system:cluster-", "OpenShift"}, // the groups system:cluster-admins and system:cluster-readers
	{"system:", "the control plane or the nodes"},
	{"kubeadm:", "kubeadm"},
	{"eks:", "Amazon EKS"},
	{"gke-", "GKE"},
}

// Vendor is whom a user or group belongs to that no person is in; empty for others.
func (s Subject) Vendor() string {
	if s.IsAccount() || s.IsMasters() || s.IsAnonymous() || s.IsBroad() {
		return ""
	}
	for _, v := range vendors {
		if strings.HasPrefix(s.Name, v.prefix) {
			return v.who
		}
	}
	return ""
}
