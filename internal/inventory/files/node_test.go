package files

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// Scalars mean here what they mean to kubectl, which reads them by sigs.k8s.io/yaml.
func TestScalarsMeanWhatKubectlReads(t *testing.T) {
	for _, s := range []string{
		"", "~", "null", "NULL", "nul", "y", "Y", "yes", "YES", "yEs", "n", "no", "No", "on", "ON", "off", "true", "True", "tRue", "false",
		"0", "1", "-1", "+1", "1_000", "0644", "0o644", "0x1F", "0b101", "-0b11", "0b_1", "08", "1.0", "1.5", ".5", "-.5", "+.5", "1.", "1e3", "1E-2", "1e", "e3",
		".", "..", "--", "1.2.3", "v1", "8080/tcp", "100m", "1Gi", "2020-01-01", "2020-01-01T00:00:00Z", "12:30", "9223372036854775807",
		"9223372036854775808", "18446744073709551615", "18446744073709551616", "1__0", "_1", "-_1", "0x", "1e400", "infinity", "nan", "Inf",
	} {
		out, err := yaml.YAMLToJSONStrict([]byte("v: " + s))
		if err != nil {
			t.Errorf("%q: the oracle fails: %v", s, err)
			continue
		}
		var want map[string]any
		if err := json.Unmarshal(out, &want); err != nil {
			t.Fatal(err)
		}
		n := &node{plain: true, value: s}
		ours, err := json.Marshal(n.toAny())
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		var got any
		if err := json.Unmarshal(ours, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want["v"], got); diff != "" {
			t.Errorf("%q (-kubectl +ours)\n%s", s, diff)
		}
	}
}
