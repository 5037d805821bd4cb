package secrets

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// What leaves this package about a credential has no room for it. A field that is
// added to Hit has to be looked at here.
func TestHitsCannotCarryCredentials(t *testing.T) {
	allowed := map[string]string{"Kind": "string", "What": "string", "Key": "string", "Line": "int", "Length": "int"}
	hit := reflect.TypeFor[Hit]()
	for f := range hit.Fields() {
		if kind := f.Type.Kind().String(); allowed[f.Name] != kind {
			t.Errorf("Hit.%s is a %s", f.Name, kind)
		}
	}
	tuning, judging := corpus(t)
	for _, s := range append(tuning, judging...) {
		if s.want == "" {
			continue
		}
		shown, err := json.Marshal(s.hits())
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range s.forms {
			if strings.Contains(string(shown), secret) {
				t.Errorf("corpus.txt:%d: the hits show it: %s", s.line, shown)
			}
		}
	}
}

// A name can be anything, a credential too.
func TestNamesAreNotShownWhereTheyAreCredentials(t *testing.T) {
	text, forms := filled(t, `{"<<github>>": true, "password": "Gr0undhog-day", "<<rand40>> token": "<<hex40>>"}`, 1)
	for _, h := range Text("config.json", text) {
		for _, secret := range forms {
			if strings.Contains(h.Key, secret) {
				t.Errorf("a key shows it: %q", h.Key)
			}
		}
	}
}

func TestT82NamesOfFilesAndPaths(t *testing.T) {
	for _, ending := range []string{"_FILE", "_PATH", "_NAME", "_REF", "_ARN", "_URL", "_TTL", "_TIMEOUT", "_LENGTH", "_ENABLED"} {
		for _, name := range []string{"MARIADB_ROOT_PASSWORD" + ending, "METALLB_ML_SECRET_KEY" + ending, "API_TOKEN" + ending} {
			for _, value := range []string{"/etc/ml_secret_key", "some-Value-8x1Q", "Gr0undhog-day"} {
				if h, ok := Pair(name, value); ok {
					t.Errorf("Pair(%s, %s) = %+v", name, value, h)
				}
			}
		}
	}
}

func TestT84CredentialsUnderDullNames(t *testing.T) {
	for text, want := range map[string]Kind{
		"<<aws-id>>":                      AWSKeyID,
		"<<aws-id>>:<<aws-secret>>":       AWSKey,
		"mysql://shop:Gr0undhog@db/shop":  DSN,
		"shop:Gr0undhog@tcp(db:3306)/app": DSN,
		"<<github>>":                      Token,
	} {
		value, _ := filled(t, text, 1)
		if h, ok := Pair("DB_URL", value); !ok || h.Kind != want || h.Key != "DB_URL" {
			t.Errorf("Pair(DB_URL, %s) = %+v, %v; want %q", text, h, ok, want)
		}
	}
}

func TestT85ReferencesAreNoCredentials(t *testing.T) {
	for name, text := range map[string]string{
		"a template":           "password: ${DB_PASSWORD}\n",
		"the name of a Secret": "secretName: foo\n",
		"a number":             "tokenTTL: 3600\n",
		"several":              "db:\n  password: ${DB_PASSWORD}\n  secretName: foo\ntokenTTL: 3600\n",
	} {
		if got := Text("config.yaml", text); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := Text("password-policy.json", `{"minLength": 12}`); len(got) > 0 {
		t.Errorf("password-policy.json: %+v", got)
	}
}

func TestTextTellsTheLines(t *testing.T) {
	text, _ := filled(t, "a: 1\ndb:\n  password: Gr0undhog-day\n\nkey: |\n  <<pem-indented>>\nurl: amqp://a:Gr0undhog@b/\n", 1)
	var got []string
	for _, h := range Text("config.yaml", text) {
		got = append(got, fmt.Sprintf("%d %s %s", h.Line, h.Kind, h.Key))
	}
	want := []string{"3 named password", "6 private key ", "14 URL with password url"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestArgsTellTheFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"serve", "--db-password", "Gr0undhog-day"}, "--db-password"},
		{[]string{"serve", "--db-password=Gr0undhog-day"}, "--db-password"},
		{[]string{"mysqladmin", "ping", "-pGr0undhog"}, "-p"},
		{[]string{"curl", "-u", "admin:Gr0undhog", "http://a"}, "-u"},
		{[]string{"sh", "-c", "PGPASSWORD=Gr0undhog psql"}, "PGPASSWORD"},
		{[]string{"serve", "--db-password", "--verbose"}, ""},
		{[]string{"serve", "--token-file", "Gr0undhog-day"}, ""},
	} {
		key := ""
		for _, h := range Args(test.args) {
			key += h.Key
		}
		if key != test.want {
			t.Errorf("Args(%q): %q, want %q", test.args, key, test.want)
		}
	}
}

func TestMask(t *testing.T) {
	for _, s := range []string{"DB_PASSWORD=Gr0undhog-day and more", "export DB_PASSWORD='Gr0undhog-day'", "a: b\npassword: Gr0undhog-day # x\n", "see postgres://a:Gr0undhog-day@b/c"} {
		got := MaskText("", s)
		if strings.Contains(got, "Gr0undhog") || !strings.Contains(got, Masked) {
			t.Errorf("MaskText(%q) = %q", s, got)
		}
	}
	if got := (&Masker{}).pair("DB_PASSWORD", "Gr0undhog-day"); got != Masked {
		t.Errorf("pair = %q", got)
	}
	if got := (&Masker{}).pair("LOG_LEVEL", "info"); got != "info" {
		t.Errorf("pair = %q", got)
	}
}

// Whatever is found is masked, and nothing is found in what was masked.
func TestMaskedTextsHoldNoCredential(t *testing.T) {
	tuning, judging := corpus(t)
	for _, s := range append(tuning, judging...) {
		if s.mode != "file" || len(s.hits()) == 0 {
			continue
		}
		masked := MaskText(s.name, s.value)
		if got := Text(s.name, masked); len(got) > 0 {
			t.Errorf("corpus.txt:%d: still %+v", s.line, got)
		}
	}
}

func TestMaskerValue(t *testing.T) {
	in := map[string]any{
		"env":  []any{map[string]any{"name": "DB_PASSWORD", "value": "Gr0undhog-day"}, map[string]any{"name": "OTHER_PASSWORD", "value": "Gr0undhog-day"}, map[string]any{"name": "A_PASSWORD", "value": "0ther-Value"}},
		"args": []any{"--token-ttl", "30m", "--db-password", "Gr0undhog-day"},
		"n":    int64(3),
		"data": map[string]any{"a.properties": "x=1\ndb.password=Gr0undhog-day\n"},
	}
	want := map[string]any{
		"env":  []any{map[string]any{"name": "DB_PASSWORD", "value": "*** (1)"}, map[string]any{"name": "OTHER_PASSWORD", "value": "*** (1)"}, map[string]any{"name": "A_PASSWORD", "value": "*** (2)"}},
		"args": []any{"--token-ttl", "30m", "--db-password", "*** (1)"},
		"n":    int64(3),
		"data": map[string]any{"a.properties": "x=1\ndb.password=*** (1)\n"},
	}
	m := &Masker{Numbered: true}
	// Maps have no order: the first number is fixed before.
	m.stand("Gr0undhog-day")
	if got := m.Value("", in); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func FuzzText(f *testing.F) {
	tuning, _ := corpus(f)
	for _, s := range tuning {
		f.Add(s.name, s.value)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		for _, h := range Text(name, text) {
			if h.Line < 1 || h.Line > strings.Count(text, "\n")+1 || h.Length < 1 || h.Length > len(text) {
				t.Errorf("%+v of a text of %d bytes", h, len(text))
			}
		}
		MaskText(name, text)
		Pair(name, text)
		Args(strings.Fields(text))
	})
}

func BenchmarkText(b *testing.B) {
	text := strings.Repeat("server:\n  port: 8080\n  name: web # the front\nlogging.level.com.shop=info\n\"a\": {\"b\": 1, \"key\": \"x\"}\n", 2000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		Text("config.yaml", text)
	}
}

func BenchmarkPair(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Pair("SPRING_DATASOURCE_URL", "jdbc:postgresql://db.shop.svc.cluster.local:5432/shop")
		Pair("LOG_LEVEL", "info")
		Pair("TOKEN_TTL", "3600")
	}
}

// These were found in the manifests and test data of other projects, and are none.
func TestWhatOnlyLooksAlike(t *testing.T) {
	for name, text := range map[string]string{
		"nginx.conf":        "location / {\n  proxy_pass web-7f3;\n  fastcgi_pass php-fpm8:9000;\n}\n",
		"response.json":     `{"NextToken": "AQICAHjOiFofVZCZ0aEN1VnF1m9jq", "ChangeToken": "abcd12f2-46da-4fdb-b8d5-fbd4c466928f"}`,
		"package-lock.json": `{"parse-passwd": "^1.0.0", "get-token": "~2.4.1-beta.1"}`,
		"docs.json":         `{"description": "Your password: and your token: will be kept. The password: <code>!</code>"}`,
		"notes.txt":         "identitytoken: 9cbaf023786cd7...\n",
		"run.sh":            "curl -u user:password http://localhost/\n",
	} {
		if got := Text(name, text); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for text, want := range map[string]string{"do not use password: hunter2 any more": "do not use password: *** any more", "{password: walrus}": "{password: ***}"} {
		if got := MaskText("", text); got != want {
			t.Errorf("MaskText(%q) = %q", text, got)
		}
	}
}

// The expressions are compiled when they are needed, so their mistakes are looked for here.
func TestFormsAreExpressions(t *testing.T) {
	for _, f := range tokens {
		if f.form() == nil || len(f.anchors) == 0 {
			t.Errorf("%s has no form, or no anchor", f.what)
		}
	}
}
