package pod

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
)

func TestSudoInCommand(t *testing.T) {
	for fields, want := range map[string][]string{
		`command: [sudo, -E, app]`:                                                   {"web medium"},
		`command: [/usr/bin/sudo, app]`:                                              {"web medium"},
		`args: [tini, --, sudo, app]`:                                                {"web medium"},
		`command: [sh, -c, "chown app /d; sudo app"]`:                                {"web medium"},
		"command: [sh, -c, \"if true\\nthen\\n  sudo app\\nfi\"]":                    {"web medium"},
		`command: [sh, -c, "FOO=1 /usr/bin/sudo app"]`:                               {"web medium"},
		`command: [su, -c, app]`:                                                     {"web medium"},
		`command: [su, -]`:                                                           {"web medium"},
		`command: [sh, -c, "su - root -c app"]`:                                      {"web medium"},
		`livenessProbe: {exec: {command: [sudo, check]}}`:                            {"web medium"},
		`lifecycle: {preStop: {exec: {command: [sh, -c, "sudo halt"]}}}`:             {"web medium"},
		`command: [sudo, app], lifecycle: {postStart: {exec: {command: [sudo, x]}}}`: {"web medium", "web medium"},
		`command: [sh, -c, "usermod -aG sudo app"]`:                                  nil,
		`command: [sh, -c, "apt-get install -y sudo && app"]`:                        nil,
		`command: [sh, -c, "su - postgres -c initdb"]`:                               nil, // gives rights up
		`command: [su, postgres, -c, initdb]`:                                        nil,
		`command: [sh, -c, "echo sudoku; ls su"]`:                                    nil,
		`args: [--group, sudo]`:                                                      nil,
		`command: [app]`:                                                             nil,
	} {
		t.Run(fields, func(t *testing.T) {
			expect(t, SudoInCommand, deployment(`containers: [{name: web, image: web:1, `+fields+`}]`), want)
		})
	}
}

func TestSSHServer(t *testing.T) {
	service := func(ports string) string {
		return "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [" + ports + "]}\n"
	}
	for _, test := range []struct {
		name, fields, more string
		want               []string
	}{
		{"sshd", "command: [/usr/sbin/sshd, -D]", "", []string{"web medium"}},
		{"dropbear in a script", `command: [sh, -c, "dropbear -F"]`, "", []string{"web medium"}},
		{"port", "ports: [{containerPort: 2222}]", "", []string{"web medium"}},
		{"port and command are one", "command: [sshd], ports: [{containerPort: 22}]", "", []string{"web medium"}},
		{"UDP", "ports: [{containerPort: 22, protocol: UDP}]", "", nil},
		{"another port", "ports: [{containerPort: 8080}]", "", nil},
		{"a path with sshd in it", "args: [--config, /etc/sshd-less.conf]", "", nil},
		{"a Service", "command: [app]", service("{port: 80, targetPort: 22}"), []string{"- medium"}},
		{"a Service whose port is that of SSH", "command: [app]", service("{port: 22}"), []string{"- medium"}},
		{"a Service that leads elsewhere", "command: [app]", service("{port: 22, targetPort: 8080}"), nil},
		{"said by the container already", "ports: [{containerPort: 22}]", service("{port: 22}"), []string{"web medium"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			expect(t, SSHServer, deployment(`containers: [{name: web, image: web:1, `+test.fields+`}]`)+test.more, test.want)
		})
	}
}

func TestTTYStdin(t *testing.T) {
	web := func(fields string) string {
		return deployment(`containers: [{name: web, image: web:1, ` + fields + `}]`)
	}
	expect(t, TTYStdin, web("stdin: true"), []string{"web info"})
	expect(t, TTYStdin, web("stdin: true, tty: true"), []string{"web info"})
	expect(t, TTYStdin, web("stdin: false"), nil)
	job := "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: j, image: j:1, tty: true}]}}}\n"
	if !fixtest.NotApplicable(t, TTYStdin, job) {
		t.Error("applies to a Job")
	}
	fixes := fixtest.Fixes(t, TTYStdin, web("tty: true, command: [bash]"))
	expectClasses(t, fixes, "review")
	if len(fixes[0].Evidence) != 2 || fixes[0].Evidence[1].State.String() != "refutes" {
		t.Errorf("a shell ends without an input: %+v", fixes[0].Evidence)
	}
}
