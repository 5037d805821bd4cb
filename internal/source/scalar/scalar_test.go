package scalar

import (
	"math/rand/v2"
	"testing"

	"sigs.k8s.io/yaml"
)

// kubectl's own parser says what it reads.
func TestValueIsWhatKubectlReads(t *testing.T) {
	texts := []string{
		"y", "Yes", "NO", "on", "Off", "true", "TRUE", "~", "null", "Null", "0644", "0o17", "0x1F", "0b101", "-0b1", "1_000", "+1", "-5", "1.5", ".5", "5.", "1e3", "1.e+2",
		"9223372036854775808", "12:30:45", "2026-11-28", "100m", "1Gi", "-", "+", ".", "e3", "x", "0x", "0b2", "1__0", "_1", "08", "1e", "yes!", "nope",
	}
	r := rand.New(rand.NewPCG(1, 1))
	const chars = "0123456789.+-_eExXoObBaFyn"
	for range 3000 {
		b := make([]byte, 1+r.IntN(6))
		for i := range b {
			b[i] = chars[r.IntN(len(chars))]
		}
		texts = append(texts, string(b))
	}
	for _, text := range texts {
		var want any
		if err := yaml.Unmarshal([]byte("k: "+text+"\n"), &want); err != nil {
			continue // a dash, or no YAML at all
		}
		m, ok := want.(map[string]any)
		if !ok {
			continue
		}
		got := Value(text)
		if i, ok := got.(int64); ok {
			got = float64(i) // as JSON without types has it
		}
		if list, ok := m["k"].([]any); ok {
			t.Logf("%q is a list: %v", text, list)
			continue
		}
		if got != m["k"] {
			t.Errorf("%q: got %v (%T), kubectl reads %v (%T)", text, got, got, m["k"], m["k"])
		}
	}
}

func TestKeyIsWhatKubectlReads(t *testing.T) {
	for _, text := range []string{"a", "y", "off", "1", "0x10", "1.50", "1e3", "0.1", "123456789.5"} {
		var want map[string]any
		if err := yaml.Unmarshal([]byte(text+": x\n"), &want); err != nil {
			t.Fatal(err)
		}
		if got, ok := Key(text); !ok || want[got] != "x" {
			t.Errorf("%q: got %q, kubectl reads %v", text, got, want)
		}
	}
	if name, ok := Key("~"); ok {
		t.Errorf("null gives the name %q", name)
	}
}
