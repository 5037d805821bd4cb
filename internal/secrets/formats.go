package secrets

import (
	"encoding/base64"
	"regexp"
	"strings"
	"sync"
)

// A format is a form that only credentials have.
type format struct {
	kind    Kind
	what    string
	anchors []string // one of them is in every text that has the form; letter case counts
	form    func() *regexp.Regexp
	ok      func(match string) bool // a last look at it; nil: none is needed
}

// lazy compiles an expression when it is needed first: most never are, and all of
// them together would take a noticeable part of the start of the program.
func lazy(form string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(form) })
}

func token(what, form string, anchors ...string) format {
	return format{kind: Token, what: what, anchors: anchors, form: lazy(form), ok: isRandom}
}

// tokens are the forms that issuers document or that secret scanners know
// (gitleaks, trufflehog, GitHub's list of supported patterns).
var tokens = []format{
	{AWSKeyID, "AWS access key id", []string{"AKIA"}, lazy(`\bAKIA[A-Z2-7]{16}\b`), notExample},
	{AWSSession, "AWS temporary access key id", []string{"ASIA"}, lazy(`\bASIA[A-Z2-7]{16}\b`), notExample},
	{JWT, "JSON web token", []string{"eyJ"}, lazy(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}`), isJWT},
	token("GitHub token", `\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})`, "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
	token("GitLab token", `\bgl(?:pat|ptt|dt|rt|cbt|agent|soat|ffct|imt)-[A-Za-z0-9_=.-]{20,}`, "glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glagent-", "glsoat-", "glffct-", "glimt-"),
	token("Slack token", `\b(?:xox[abeoprs]-(?:[0-9]+-)*[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9]+-[0-9]+-[a-z0-9]{20,})`, "xox", "xapp-"),
	token("Slack webhook", `hooks\.slack\.com/(?:services|workflows)/[A-Z][A-Za-z0-9]{6,}/[A-Z][A-Za-z0-9]{6,}/[A-Za-z0-9]{18,}`, "hooks.slack.com/"),
	token("Discord webhook", `discord(?:app)?\.com/api/webhooks/[0-9]{15,}/[A-Za-z0-9_-]{50,}`, "/api/webhooks/"),
	token("Microsoft Teams webhook", `[a-z0-9]+\.webhook\.office\.com/webhookb2/[a-z0-9-]{36}@[a-z0-9-]{36}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9-]{36}`, ".webhook.office.com/"),
	token("Stripe key", `\b(?:(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{24,})`, "sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_", "whsec_"),
	token("Google API key", `\bAIza[A-Za-z0-9_-]{35}`, "AIza"),
	token("Google OAuth client secret", `\bGOCSPX-[A-Za-z0-9_-]{24,}`, "GOCSPX-"),
	token("Google access token", `\bya29\.[A-Za-z0-9_-]{30,}`, "ya29."),
	token("Azure storage key", `(?i)AccountKey=[A-Za-z0-9+/]{80,}={0,2}`, "AccountKey=", "accountkey="),
	token("Azure shared access key", `(?i)SharedAccessKey=[A-Za-z0-9+/]{40,}={0,2}`, "SharedAccessKey="),
	token("Azure shared access signature", `[?&]sv=[0-9-]{10}[^\s"']*?&sig=[A-Za-z0-9%+/=]{20,}`, "sig="),
	token("Azure client secret", `(?:^|[\s"'=:])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}`, "Q~"),
	token("SendGrid key", `\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}`, "SG."),
	token("Mailgun key", `\bkey-[0-9a-f]{32}\b`, "key-"),
	token("Mailchimp key", `\b[0-9a-f]{32}-us[0-9]{1,2}\b`, "-us"),
	token("Twilio key", `\bSK[0-9a-f]{32}\b`, "SK"),
	token("npm token", `\bnpm_[A-Za-z0-9]{36}`, "npm_"),
	token("PyPI token", `\bpypi-AgE[A-Za-z0-9_-]{50,}`, "pypi-AgE"),
	token("RubyGems key", `\brubygems_[0-9a-f]{48}`, "rubygems_"),
	token("Docker Hub token", `\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}`, "dckr_"),
	token("DigitalOcean token", `\bdo[opr]_v1_[0-9a-f]{64}`, "_v1_"),
	token("Doppler token", `\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{40,}`, "dp."),
	token("Vault token", `\bhv[sbr]\.[A-Za-z0-9_-]{24,}`, "hvs.", "hvb.", "hvr."),
	token("Terraform token", `\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}`, ".atlasv1."),
	token("Databricks token", `\bdapi[0-9a-f]{32}`, "dapi"),
	token("New Relic key", `\bNRAK-[A-Z0-9]{27}|\bNRII-[A-Za-z0-9_-]{32}`, "NRAK-", "NRII-"),
	token("Grafana token", `\bgl(?:sa_[A-Za-z0-9]{32}_[0-9a-f]{8}|c_[A-Za-z0-9+/]{32,}={0,2})`, "glsa_", "glc_"),
	token("OpenAI key", `\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}`, "T3BlbkFJ"),
	token("Hugging Face token", `\bhf_[A-Za-z]{34}\b`, "hf_"),
	token("Shopify token", `\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}`, "shpat_", "shpca_", "shppa_", "shpss_"),
	token("Square token", `\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,}`, "sq0atp-", "sq0csp-"),
	token("Telegram bot token", `\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}`, ":AA"),
	token("PlanetScale token", `\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}`, "pscale_"),
	token("Postman key", `\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}`, "PMAK-"),
	token("Pulumi token", `\bpul-[0-9a-f]{40}`, "pul-"),
	token("Sentry token", `\bsntr(?:ys_eyJ[A-Za-z0-9_=+/-]{40,}|yu_[0-9a-f]{64})`, "sntrys_", "sntryu_"),
	token("Supabase token", `\bsbp_[0-9a-f]{40}`, "sbp_"),
	token("Atlassian token", `\bATATT3[A-Za-z0-9_=-]{100,}`, "ATATT3"),
	token("Tailscale key", `\btskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]+-[A-Za-z0-9]{16,}`, "tskey-"),
	token("1Password token", `\bops_eyJ[A-Za-z0-9_=-]{100,}`, "ops_eyJ"),
	token("Linear key", `\blin_(?:api|oauth)_[A-Za-z0-9]{32,}`, "lin_"),
	token("Notion token", `\bntn_[A-Za-z0-9]{40,}`, "ntn_"),
	token("Airtable token", `\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}`, "pat"),
	token("Fly.io token", `\bfo1_[A-Za-z0-9_-]{40,}`, "fo1_"),
	token("Heroku key", `\bHRKU-[A-Za-z0-9_-]{36,}`, "HRKU-"),
	token("JFrog key", `\bAKC[A-Za-z0-9]{60,}`, "AKC"),
	token("Argo CD or Kubernetes kubeconfig token", `\bk8s-aws-v1\.[A-Za-z0-9_-]{40,}`, "k8s-aws-v1."),
	{PrivateKey, "age private key", []string{"AGE-SECRET-KEY-1"}, lazy(`\bAGE-SECRET-KEY-1[A-Z0-9]{58}`), isRandom},
	{PrivateKey, "private key", []string{"PRIVATE KEY"}, lazy(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[^-]){40,}?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|$)`), isPEM},
	{PrivateKey, "private key in base64", []string{"LS0tLS1CRUdJTi"}, lazy(`LS0tLS1CRUdJTi[A-Za-z0-9+/]{60,}={0,2}`), isEncodedPEM},
	{BasicAuth, "password of a registry", []string{`auth`}, lazy(`\\?"auth\\?"\s*:\s*\\?"([A-Za-z0-9+/]{8,}={0,2})\\?"`), isUserPassword},
	{BasicAuth, "basic auth header", []string{"Basic ", "basic "}, lazy(`\b[Bb]asic\s+([A-Za-z0-9+/]{8,}={0,2})`), isUserPassword},
	{Token, "bearer token", []string{"Bearer ", "bearer "}, lazy(`\b[Bb]earer\s+([A-Za-z0-9._~+/-]{16,}={0,2})`), isRandomLetters},
}

// shortest is the length of the shortest form, that of the password of a registry.
const shortest = 16

// formats finds what is a credential by its form alone.
func formats(text string) []found {
	if len(text) < shortest {
		return nil
	}
	var list []found
	for i := range tokens {
		f := &tokens[i]
		if !f.near(text) {
			continue
		}
		for _, at := range f.form().FindAllStringSubmatchIndex(text, -1) {
			start, end := at[0], at[1]
			if len(at) > 2 && at[2] >= 0 {
				start, end = at[2], at[3]
			}
			if f.ok == nil || f.ok(text[start:end]) {
				list = append(list, newFound(f.kind, f.what, "", start, end))
			}
		}
	}
	return pairAWS(text, distinct(list))
}

func (f *format) near(text string) bool {
	for _, a := range f.anchors {
		if strings.Contains(text, a) {
			return true
		}
	}
	return false
}

// secretAccessKey is the form of the secret of an AWS key, and of much else: it
// counts beside an id alone.
var secretAccessKey = regexp.MustCompile(`(?:^|[^A-Za-z0-9/+])([A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=])`)

// nearBytes is how far from its id the secret of a key is looked for.
const nearBytes = 200

// pairAWS finds the secrets that stand beside ids of AWS keys.
func pairAWS(text string, list []found) []found {
	var more []found
	for i, f := range list {
		if !f.Kind.AWS() {
			continue
		}
		from, to := max(0, f.start-nearBytes), min(len(text), f.end+nearBytes)
		for _, at := range secretAccessKey.FindAllStringSubmatchIndex(text[from:to], -1) {
			start, end := from+at[2], from+at[3]
			if value := text[start:end]; entropy(value) >= 4 && hasDigit(value) && hasLower(value) && hasUpper(value) && notExample(value) {
				list[i].Kind, list[i].What = AWSKey, "AWS access key"
				more = append(more, newFound(AWSKey, "AWS secret access key", "", start, end))
				break
			}
		}
	}
	if more == nil {
		return list
	}
	return distinct(append(list, more...))
}

// notExample knows the keys of AWS's documentation.
func notExample(s string) bool {
	return !strings.HasSuffix(s, "EXAMPLE") && !strings.HasSuffix(s, "EXAMPLEKEY") && isRandom(s)
}

// isRandom tells tokens from their pictures in documentation, such as ghp_xxxx….
func isRandom(s string) bool { return entropy(s) >= 3 && !isPicture(s) }

func isRandomLetters(s string) bool { return looksRandom(s) }

func isJWT(s string) bool {
	head, _, _ := strings.Cut(s, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	return err == nil && strings.Contains(string(raw), `"alg"`)
}

// isPEM tells a key from a line of dots between its armour.
func isPEM(s string) bool {
	body := 0
	for _, r := range strings.NewReplacer("-----", "", `\n`, "", `\r`, "").Replace(s) {
		if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '+' || r == '/' {
			body++
		}
	}
	return body >= 80 && entropy(s) >= 4
}

func isEncodedPEM(s string) bool {
	raw, err := base64.StdEncoding.DecodeString(s[:min(len(s), 60)])
	return err == nil && strings.Contains(string(raw), "PRIVATE KEY")
}

// isUserPassword reports whether the base64 holds USER:PASSWORD.
func isUserPassword(s string) bool {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		if raw, err = base64.RawStdEncoding.DecodeString(s); err != nil {
			return false
		}
	}
	for _, b := range raw {
		if b < ' ' || b > '~' {
			return false
		}
	}
	user, password, ok := strings.Cut(string(raw), ":")
	return ok && user != "" && len(password) >= 3 && !isTemplate(password) && !isPlaceholder(password) && !strings.ContainsAny(user, " /")
}
