package cloud

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestAWSStaticKeys(t *testing.T) {
	const head = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes: [{name: aws, configMap: {name: aws}}]
      containers:
      - name: web
        image: registry.example.com/web:1
`
	long, brief := "AK"+"IA"+"Q3EGRIZ7XW2NLP5T", "AS"+"IA"+"Q3EGRIZ7XW2NLP5T"
	secret := "b7Qx" + "/Zr2m+TfWk9LsVhYp" + "4GnDc/Ja8uEoI5tBqXw"
	file := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws, namespace: shop}\ndata:\n  credentials: |\n    [default]\n    aws_access_key_id = " + long + "\n    aws_secret_access_key = " + secret + "\n"
	env := func(pairs ...string) string {
		out := "        env:\n"
		for i := 0; i < len(pairs); i += 2 {
			out += fmt.Sprintf("        - {name: %s, %s}\n", pairs[i], pairs[i+1])
		}
		return out
	}
	value := func(v string) string { return "value: " + v }
	ref := func(kind string) string { return "valueFrom: {" + kind + "KeyRef: {name: aws, key: k}}" }
	for _, test := range []struct {
		name, yaml string
		want       []string // discriminator, severity
	}{
		{"id and secret in clear", head + env("AWS_ACCESS_KEY_ID", value(long), "AWS_SECRET_ACCESS_KEY", value(secret)), []string{"AWS_SECRET_ACCESS_KEY critical"}},
		{"temporary", head + env("AWS_ACCESS_KEY_ID", value(brief), "AWS_SECRET_ACCESS_KEY", value(secret)), []string{"AWS_SECRET_ACCESS_KEY high"}},
		{"from a Secret", head + env("AWS_ACCESS_KEY_ID", ref("secret"), "AWS_SECRET_ACCESS_KEY", ref("secret")), []string{"AWS_SECRET_ACCESS_KEY high"}},
		{"from a ConfigMap", head + env("AWS_SECRET_ACCESS_KEY", ref("configMap")), []string{"AWS_SECRET_ACCESS_KEY critical"}},
		{"an id in a dull name", head + env("BACKUP", value(long)), []string{"BACKUP critical"}},
		{"on the command line", head + "        args: [\"--key=" + long + "\"]\n", []string{"command line --key critical"}},
		{"in a file", head + "        volumeMounts: [{name: aws, mountPath: /root/.aws}]\n" + file, []string{"ConfigMap aws critical"}},
		{"in a file that is not mounted", head + file, nil},
		{"for MinIO", head + env("AWS_ENDPOINT_URL", value("http://minio:9000"), "AWS_ACCESS_KEY_ID", ref("secret"), "AWS_SECRET_ACCESS_KEY", ref("secret")), nil},
		{"at an endpoint of AWS", head + env("AWS_ENDPOINT_URL", value("https://s3.eu-west-1.amazonaws.com"), "AWS_SECRET_ACCESS_KEY", ref("secret")), []string{"AWS_SECRET_ACCESS_KEY high"}},
		{"a role", head + env("AWS_REGION", value("eu-west-1"), "AWS_ROLE_ARN", value("arn:aws:iam::111122223333:role/x")), nil},
		{"AWS's example", head + env("AWS_ACCESS_KEY_ID", value("AK"+"IA"+"IOSFODNN7"+"EXAMPLE")), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range fixtest.Run(t, AWSStaticKeys, test.yaml) {
				got = append(got, f.Discriminator+" "+f.Severity.String())
				for _, s := range []string{long, brief, secret} {
					if strings.Contains(f.Reason+f.Detail+f.Field+f.ID(), s) {
						t.Errorf("the finding shows the key: %+v", f)
					}
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	fix := fixtest.Fixes(t, AWSStaticKeys, head+env("AWS_SECRET_ACCESS_KEY", ref("secret")))[0]
	if fix.Class != harden.Review || len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "Pod Identity") {
		t.Errorf("without a role the fix is %+v, want a text", fix)
	}
}
