package symptom

import (
	"regexp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A pattern says which lines point at a kind of symptom.
type pattern struct {
	kind harden.SymptomKind
	is   *regexp.Regexp
	not  *regexp.Regexp // lines that look like it and are innocent; may be nil
}

// Fragments of the patterns: how errors are written.
const (
	// notPermitted is EPERM as libc, Go, Node and nginx write it.
	notPermitted = `(?:operation not permitted|\bEPERM\b|\(1: )`
	// denied is EACCES likewise. The sign before it keeps out prose and logins.
	denied = `(?:(?:[:(,\]]\s*"?|\(13\)|13: )permission denied|\bEACCES\b|errno 13\b)`
	// tried is a program that says what it could not do with a file.
	tried = `(?:can ?not|can't|could ?n[o']t|unable to|failed to|failed)\s+(?:to )?(?:create|open|write|touch|remove|access|mkdir|make|stat|read|execute|exec|load|start|chdir|change directory|rename|unlink|link|copy|save|lock)`
)

// patterns are tried from the first to the last: the more they say, the earlier
// they stand. What is written in brackets is where a line of the kind was seen;
// the tests have the lines.
var patterns = []pattern{
	// A token that is not mounted any more (bitnami/sealed-secrets#1161, client-go, the Python client), or an API
	// server that takes the caller for nobody. A bare Unauthorized says nothing of Kubernetes.
	{kind: harden.SymptomToken, is: re(`(?:secrets/kubernetes\.io/serviceaccount|serviceaccount/token).*(?:no such file|not exist|can't open|could not be found|cannot find|ENOENT)`)},
	{kind: harden.SymptomToken, is: re(`(?:no such file|not exist|can't open|ENOENT|NoSuchFile|FileNotFound).*secrets/kubernetes\.io/serviceaccount`)},
	{kind: harden.SymptomToken, is: re(`service token file does not exist|service account token.*(?:not found|missing|no such)`)},
	{kind: harden.SymptomToken, is: re(`user "system:(?:anonymous|serviceaccount:[^"]+)" cannot `)},
	{kind: harden.SymptomToken, is: re(`the server has asked for the client to provide credentials`)},
	{kind: harden.SymptomToken, is: re(`(?:failed to (?:list|watch) \*?v\d\w*\.\w+|serviceaccount|service account|kubernetes\.default|kube-?apiserver|(?:kubernetes|k8s) api|in-?cluster).*\bunauthorized\b`)},

	// The kubelet compares the user of the image with runAsNonRoot (pkg/kubelet/kuberuntime/security_context_others.go).
	{kind: harden.SymptomUser, is: re(`runasnonroot and image|runasuser breaks non-root policy|cannot verify user is non-root`)},

	// no_new_privs (sudo-project/sudo#129).
	{kind: harden.SymptomNoNewPrivs, is: re(`no new privileges.* flag|\bNoNewPriv|effective uid is not 0|must be suid to work|must be (?:owned by uid 0 and have the )?setuid|(?:pkexec|su|sudo)\S* must be setuid root`)},

	// A system call that the seccomp profile does not know or allow (kyverno/policy-reporter#358, docker-library/golang#467).
	{kind: harden.SymptomSeccomp, is: re(`pthread_create\b.*(?:not permitted|EPERM)|failed to create new os thread .*errno=1\b|(?:create|start) .*\bthread\b.*operation not permitted`)},
	{kind: harden.SymptomSeccomp, is: re(`\bSIGSYS\b|bad system call|(?:: |\(38: )function not implemented|\bENOSYS\b`)},
	{kind: harden.SymptomSeccomp, is: re(`io_?uring\w*.*(?:not permitted|EPERM|permission denied)|seccomp.*(?:not permitted|EPERM|blocked|denied)`)},

	// A port below 1024 without the right to it (hjacobs/kube-resource-report#146).
	{kind: harden.SymptomBind, is: re(`\b(?:bind|bindsocket|could not bind)\b.*(?:permission denied|EACCES|errno 13\b)`)},
	{kind: harden.SymptomBind, is: re(`permission denied.*\bbind\b|\blisten EACCES\b|(?:Bind|Socket)Exception: permission denied|cannot bind socket`)},

	// A write to a read-only root (nginx/docker-nginx#416). nginx's entrypoint only guesses, and goes on: "(read-only file system?)".
	{kind: harden.SymptomReadOnly, is: re(`(?:[:(\]@-]|30: )\s*"?read-only file ?system\b`), not: re(`read-only file ?system\?`)},
	{kind: harden.SymptomReadOnly, is: regexp.MustCompile(`\bEROFS\b[:),'"]|\(EROFS|Errno::EROFS|errno[ :=]*30\b|kind: ReadOnlyFilesystem|ReadOnlyFileSystemException`)},
	{kind: harden.SymptomReadOnly, is: re(`attempt to write a readonly database`)},

	// Users, groups and owners that may not be changed (bitwarden/server#2903, ncopa/su-exec#2, moby/moby#9734).
	{kind: harden.SymptomOwner, is: re(`(?:\w*chown|chmod|chgrp|set(?:e|re|res|fs)?[ug]id|set ?groups|init ?groups|change mode|chang(?:e|ing) (?:the )?(?:owner|ownership|permissions|group|user)|set permissions|failed switching to|drop(?:ping)? privileges).*` + notPermitted)},
	{kind: harden.SymptomOwner, is: re(`(?:set(?:e|re|res)?[ug]id|set ?groups|init ?groups)\b.*permission denied|can(?:'t|not) drop privileges?`)},

	// A file that may not be opened, made or run (docker-library/postgres#4, docker-library/httpd#102).
	{kind: harden.SymptomDenied, is: re(denied + `.*(?:^|[\s'"=(])/[\w.]|(?:^|[\s'"‘=(])/[\w.].*` + denied + `|` + tried + `.*permission denied`), not: innocentDenied},
	{kind: harden.SymptomDenied, is: re(`errno 13\b|\bEACCES\b:|\(13: permission denied\)|\(13\)permission denied`), not: innocentDenied},
	{kind: harden.SymptomDenied, is: regexp.MustCompile(`java\.nio\.file\.AccessDeniedException|UnauthorizedAccessException: Access to the path|Errno::EACCES|kind: PermissionDenied`)},

	// Anything else that needs a capability (caddyserver/caddy-docker#396: a binary with file capabilities does not even start).
	{kind: harden.SymptomNotPermitted, is: re(`(?:[:(,\]]\s*"?|\(1: )operation not permitted|\bEPERM\b[:,)]|errno 1\]`)},
	{kind: harden.SymptomNotPermitted, is: re(`\byou must be root\b|\bare you root\?|failed to lock memory`)},
}

// innocentDenied are refusals of logins, databases and clouds, which no security context causes.
var innocentDenied = re(`permission denied (?:for|to) (?:user|table|schema|database|relation|role|function|sequence|view|topic|group)|permission denied \((?:publickey|password|keyboard)|code = PermissionDenied|access denied for user|accessdenied: `)

// refusedCaller are errors of a program that some server did not let in.
var refusedCaller = re(`\b(?:err|error|fail\w*|fatal|panic|exception)\b.*\b(?:unauthorized|forbidden)\b|\b(?:unauthorized|forbidden)\b.*\b(?:error|fail\w*|exception)\b`)

func re(expression string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + expression) }
