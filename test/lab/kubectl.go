package lab

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// adminGroup is the group that may do everything, before any role is asked.
const adminGroup = "system:masters"

// adminKubeconfig is the file name of the administrator's kubeconfig.
const adminKubeconfig = "kubeconfig"

var kubeconfigTemplate = template.Must(template.New("kubeconfig").Parse(`apiVersion: v1
kind: Config
current-context: {{ .Context }}
contexts:
- name: {{ .Context }}
  context:
    cluster: {{ .Context }}
    user: {{ printf "%q" .User }}
    namespace: default
clusters:
- name: {{ .Context }}
  cluster:
    server: {{ .Server }}
    certificate-authority-data: {{ .CA }}
users:
- name: {{ printf "%q" .User }}
  user:
    client-certificate-data: {{ .Cert }}
    client-key-data: {{ .Key }}
`))

// writeKubeconfig writes the kubeconfig of a user to the lab's folder and returns its path.
func (l *Lab) writeKubeconfig(file, user string, groups []string) (string, error) {
	cert, key, err := l.authority.user(user, groups)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = kubeconfigTemplate.Execute(&out, map[string]string{
		"Context": "lab-" + l.state.Name,
		"Server":  l.state.Server,
		"User":    user,
		"CA":      base64.StdEncoding.EncodeToString(l.authority.caPEM()),
		"Cert":    base64.StdEncoding.EncodeToString(cert),
		"Key":     base64.StdEncoding.EncodeToString(key),
	})
	if err != nil {
		return "", fmt.Errorf("making the kubeconfig of %q: %w", user, err)
	}
	path := filepath.Join(l.dir, file)
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		return "", fmt.Errorf("writing the kubeconfig of %q: %w", user, err)
	}
	return path, nil
}

// Kubeconfig returns the path of the administrator's kubeconfig; its user is in system:masters.
func (l *Lab) Kubeconfig() string { return filepath.Join(l.dir, adminKubeconfig) }

// KubeconfigFor writes a kubeconfig for a user in the given groups and returns its path. Any name will do: the lab
// signs a certificate for it. Such a user may do nothing but what RBAC grants it ("kubectl create rolebinding").
func (l *Lab) KubeconfigFor(user string, groups ...string) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{user}, groups...), "\x00")))
	return l.writeKubeconfig(adminKubeconfig+"-"+hex.EncodeToString(sum[:6]), user, groups)
}

// Env returns the environment of the current process, changed so that kubectl and everything that reads a kubeconfig
// speaks to the lab as its administrator, finds the lab's kubectl first and keeps nothing in the user's home.
func (l *Lab) Env() []string {
	env := os.Environ()
	if l.state.Registry != "" { // no proxy can reach it
		host, _, _ := net.SplitHostPort(l.state.Registry)
		env = append(env, "NO_PROXY="+host+","+cmp.Or(os.Getenv("NO_PROXY"), os.Getenv("no_proxy")))
	}
	return append(env,
		"KUBECONFIG="+l.Kubeconfig(),
		"KUBECACHEDIR="+filepath.Join(l.dir, "cache"),
		"KUBERC=off",
		"PATH="+l.binaries.Kubernetes+string(filepath.ListSeparator)+os.Getenv("PATH"),
	)
}

// Kubectl runs the lab's kubectl as administrator, or as another user with "--kubeconfig", and returns what it wrote
// to its standard output. The error of a command that failed carries what it wrote to its standard error.
func (l *Lab) Kubectl(ctx context.Context, args ...string) (string, error) {
	return l.KubectlInput(ctx, "", args...)
}

// KubectlInput is Kubectl with something to read: KubectlInput(ctx, manifest, "apply", "-f", "-").
func (l *Lab) KubectlInput(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, l.binaries.Kubectl(), args...)
	cmd.Env = l.Env()
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("running kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
