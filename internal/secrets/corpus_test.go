package secrets

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/corpus.txt
var corpusText string

// A sample is one case of the corpus: what is to be found in it, "" for nothing.
type sample struct {
	line        int
	want        Kind
	mode        string
	name, value string
	forms       []string // what the forms in << >> became
}

// corpus reads testdata/corpus.txt. Every other case of each kind is for tuning the
// rules, the rest for judging them.
func corpus(tb testing.TB) (tuning, judging []sample) {
	tb.Helper()
	seen := map[Kind]int{}
	for i, line := range strings.Split(corpusText, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, "\t", 4)
		if len(parts) != 4 {
			tb.Fatalf("corpus.txt:%d: %d columns", i+1, len(parts))
		}
		s := sample{line: i + 1, mode: parts[1], name: parts[2]}
		if parts[0] != "-" {
			s.want = Kind(parts[0])
			if !slices.Contains(Kinds(), s.want) {
				tb.Fatalf("corpus.txt:%d: no kind is called %q", i+1, parts[0])
			}
		}
		s.value, s.forms = filled(tb, strings.ReplaceAll(parts[3], `\n`, "\n"), i)
		if seen[s.want]++; seen[s.want]%2 == 0 {
			tuning = append(tuning, s)
		} else {
			judging = append(judging, s)
		}
	}
	return tuning, judging
}

func (s sample) hits() []Hit {
	switch s.mode {
	case "env":
		return hits(inPair(s.name, s.value))
	case "args":
		return Args(strings.Split(s.value, " ¦ "))
	}
	return Text(s.name, s.value)
}

var form = regexp.MustCompile(`<<([a-z0-9-]+)>>`)

// filled puts together what stands in << >>.
func filled(tb testing.TB, text string, seed int) (string, []string) {
	tb.Helper()
	h := fnv.New64a()
	fmt.Fprint(h, text)
	g := generator{rand.New(rand.NewPCG(uint64(seed), h.Sum64()))}
	var fragments []string
	out := form.ReplaceAllStringFunc(text, func(m string) string {
		v := g.form(tb, strings.Trim(m, "<>"))
		fragments = append(fragments, v)
		return v
	})
	return out, fragments
}

// A generator makes strings of the forms of credentials. None is one: they are random.
type generator struct{ r *rand.Rand }

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hex    = "0123456789abcdef"
	alnum  = digits + lower + upper
)

func (g generator) of(letters string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[g.r.IntN(len(letters))]
	}
	return string(b)
}

func (g generator) pemBody(lines int) string {
	var out []string
	for range lines {
		out = append(out, g.of(alnum+"+/", 64))
	}
	return strings.Join(out, "\n")
}

func (g generator) pem() string {
	return "-----BEGIN RSA PRI" + "VATE KEY-----\n" + g.pemBody(6) + "\n-----END RSA PRI" + "VATE KEY-----"
}

func (g generator) form(tb testing.TB, name string) string {
	tb.Helper()
	switch name {
	case "aws-id":
		return "AK" + "IA" + g.of(upper+"234567", 16)
	case "asia-id":
		return "AS" + "IA" + g.of(upper+"234567", 16)
	case "aws-example":
		return "AK" + "IA" + "IOSFODNN7" + "EXAMPLE"
	case "aws-secret":
		return "a1Z" + g.of(alnum+"/+", 36) + "k"
	case "github":
		return "gh" + "p_" + g.of(alnum, 36)
	case "gh-picture":
		return "gh" + "p_" + strings.Repeat("x", 36)
	case "ghpat":
		return "github" + "_pat_" + g.of(alnum, 22) + "_" + g.of(alnum, 59)
	case "gitlab":
		return "gl" + "pat-" + g.of(alnum, 20)
	case "slack":
		return "xo" + "xb-" + g.of(digits, 12) + "-" + g.of(digits, 12) + "-" + g.of(alnum, 24)
	case "slackhook":
		return "hooks.slack" + ".com/services/T" + g.of(upper+digits, 8) + "/B" + g.of(upper+digits, 8) + "/" + g.of(alnum, 24)
	case "stripe":
		return "sk" + "_live_" + g.of(alnum, 24)
	case "stripe-test":
		return "sk" + "_test_" + g.of(alnum, 24)
	case "google":
		return "AI" + "za" + g.of(alnum+"_-", 35)
	case "gocspx":
		return "GOC" + "SPX-" + g.of(alnum, 28)
	case "azure-account":
		return g.of(alnum+"+/", 86) + "=="
	case "azure-client":
		return g.of(alnum, 3) + "8Q" + "~" + g.of(alnum, 34)
	case "sendgrid":
		return "S" + "G." + g.of(alnum, 22) + "." + g.of(alnum, 43)
	case "npm":
		return "np" + "m_" + g.of(alnum, 36)
	case "vault":
		return "hv" + "s." + g.of(alnum, 24)
	case "grafana":
		return "gl" + "sa_" + g.of(alnum, 32) + "_" + g.of(hex, 8)
	case "dckr":
		return "dck" + "r_pat_" + g.of(alnum, 27)
	case "do":
		return "do" + "p_v1_" + g.of(hex, 64)
	case "openai":
		return "sk" + "-proj-" + g.of(alnum, 40) + "T3Blbk" + "FJ" + g.of(alnum, 40)
	case "hf":
		return "h" + "f_" + g.of(lower+upper, 34)
	case "tg":
		return g.of("123456789", 10) + ":A" + "A" + g.of(alnum, 33)
	case "mailgun":
		return "ke" + "y-" + g.of(hex, 32)
	case "jwt":
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+g.of(digits, 10)+`"}`)) + "." + g.of(alnum, 43)
	case "pem":
		return g.pem()
	case "pem-indented":
		return strings.ReplaceAll(g.pem(), "\n", "\n    ")
	case "pem-escaped":
		return strings.ReplaceAll(g.pem(), "\n", `\n`)
	case "pem-b64":
		return base64.StdEncoding.EncodeToString([]byte(g.pem()))
	case "pgp":
		return "-----BEGIN PGP PRI" + "VATE KEY BLOCK-----\n\n" + g.pemBody(8) + "\n-----END PGP PRI" + "VATE KEY BLOCK-----"
	case "basic":
		return base64.StdEncoding.EncodeToString([]byte("deploy:" + g.of(alnum, 14)))
	case "uuid":
		return g.of(hex, 8) + "-" + g.of(hex, 4) + "-4" + g.of(hex, 3) + "-a" + g.of(hex, 3) + "-" + g.of(hex, 12)
	case "pw50":
		return g.of(alnum+"!@#%^&*(-_=+", 50)
	case "b64-44":
		return base64.StdEncoding.EncodeToString([]byte(g.of(alnum, 32)))
	case "rand24s":
		return "s." + g.of(alnum, 24)
	}
	for prefix, letters := range map[string]string{"hex": hex, "rand": alnum} {
		var n int
		if _, err := fmt.Sscanf(name, prefix+"%d", &n); err == nil {
			return g.of(letters, n)
		}
	}
	tb.Fatalf("corpus.txt: no form is called %q", name)
	return ""
}

// A score counts cases of one kind.
type score struct{ right, missed, wrong int }

func (s score) precision() float64 { return ratio(s.right, s.right+s.wrong) }
func (s score) recall() float64    { return ratio(s.right, s.right+s.missed) }

func ratio(a, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(a) / float64(of)
}

// measure counts by kind; "" is the sum. A case counts once: as right if what it
// holds is among what was found.
func measure(samples []sample, tell func(s sample, got []Hit)) map[Kind]*score {
	scores := map[Kind]*score{"": {}}
	for _, k := range Kinds() {
		scores[k] = &score{}
	}
	for _, s := range samples {
		got := s.hits()
		ok := slices.ContainsFunc(got, func(h Hit) bool { return h.Kind == s.want })
		switch {
		case s.want != "" && ok:
			scores[s.want].right++
			scores[""].right++
		case s.want != "":
			scores[s.want].missed++
			scores[""].missed++
			tell(s, got)
		case len(got) > 0:
			scores[got[0].Kind].wrong++
			scores[""].wrong++
			tell(s, got)
		}
	}
	return scores
}

// Floors below which the detector must not fall on the half of the corpus that
// nothing was tuned on.
const (
	precisionFloor = 0.97
	recallFloor    = 0.90
)

func TestCorpus(t *testing.T) {
	tuning, judging := corpus(t)
	if n := len(tuning) + len(judging); n < 300 {
		t.Errorf("the corpus has %d cases, want 300 at least", n)
	}
	for name, samples := range map[string][]sample{"tuning": tuning, "judging": judging} {
		t.Run(name, func(t *testing.T) {
			scores := measure(samples, func(s sample, got []Hit) { t.Logf("corpus.txt:%d: want %q, got %v", s.line, s.want, got) })
			for _, k := range append([]Kind{""}, Kinds()...) {
				s := scores[k]
				t.Logf("%-18s %3d right %3d missed %3d wrong: precision %.3f, recall %.3f", k, s.right, s.missed, s.wrong, s.precision(), s.recall())
			}
			if p, r := scores[""].precision(), scores[""].recall(); p < precisionFloor || r < recallFloor {
				t.Errorf("precision %.3f and recall %.3f are below the floors %.2f and %.2f", p, r, precisionFloor, recallFloor)
			}
		})
	}
}

func BenchmarkCorpus(b *testing.B) {
	_, judging := corpus(b)
	bytes := 0
	for _, s := range judging {
		bytes += len(s.value)
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	var scores map[Kind]*score
	for b.Loop() {
		scores = measure(judging, func(sample, []Hit) {})
	}
	for kind, s := range scores {
		name := strings.ReplaceAll(string(kind), " ", "-")
		if name == "" {
			name = "all"
		}
		b.ReportMetric(s.precision(), name+"-precision")
		b.ReportMetric(s.recall(), name+"-recall")
	}
}
