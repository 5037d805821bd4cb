package cloud

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A mapping is one entry of aws-auth: an identity of AWS, and who it is in the cluster.
type mapping struct {
	RoleARN  string   `json:"rolearn"`
	UserARN  string   `json:"userarn"`
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

// arn is that of the role or the user, fit for one line.
func (m mapping) arn() string {
	return harden.OneLine(cmp.Or(m.RoleARN, m.UserARN, "an entry without an ARN"))
}

// authMap is the content of the ConfigMap by which aws-iam-authenticator tells who
// somebody is (kubernetes-sigs/aws-iam-authenticator, README).
type authMap struct {
	roles, users []mapping
	accounts     []string
}

// authOf reads kube-system/aws-auth. Other ConfigMaps are not judged, and one that
// cannot be read is unknown; both are reported.
func authOf(p *harden.Pass) (*authMap, bool) {
	if p.Object.Name != "aws-auth" || p.Object.Namespace != "kube-system" || platformOf(p.Inventory).other {
		p.NotApplicable()
		return nil, false
	}
	var m authMap
	data := harden.Content[*corev1.ConfigMap](p.Item).Data
	for _, part := range []struct {
		key  string
		into any
	}{{"mapRoles", &m.roles}, {"mapUsers", &m.users}, {"mapAccounts", &m.accounts}} {
		if yaml.Unmarshal([]byte(data[part.key]), part.into) != nil {
			p.Unknown("its key " + part.key + " holds no YAML list of the expected form")
			return nil, false
		}
	}
	return &m, true
}

// handsOff is said by every fix of aws-auth.
const handsOff = " Keep a copy of the ConfigMap and a second administrator signed in: a bad edit locks everybody out, which is why it is never changed from here."

func inGroup(m mapping, group string) bool { return slices.Contains(m.Groups, group) }

// node reports whether the entry is that of a node: by its name, or by its groups.
func (m mapping) node() bool {
	return m.RoleARN != "" && (strings.HasPrefix(m.Username, "system:node:") || inGroup(m, "system:nodes"))
}
