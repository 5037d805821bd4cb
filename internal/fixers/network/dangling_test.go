package network

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestDangling(t *testing.T) {
	web := namespace + deployment("web", containers(""))
	cron := "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c, namespace: shop}\nspec: {schedule: '0 0 * * *', jobTemplate: {spec: {template: {metadata: {labels: {job: c}}, spec: {containers: [{name: c, image: c}]}}}}}\n"
	judge(t, Dangling, []judgement{
		{"selects", web + policy("w", selectsWeb), nil, nil},
		{"a typing mistake", web + policy("w", "podSelector: {matchLabels: {app: wbe}}"), live(), []string{"fail low dangling"}},
		{"files that lack what an operator makes", web + policy("w", "podSelector: {matchLabels: {app: prometheus}}"), nil, nil},
		{"everything", namespace + policy("w", "podSelector: {}"), live(), nil},
		{"a CronJob that does not run now", web + cron + policy("w", "podSelector: {matchLabels: {job: c}}"), live(), nil},
		{"Deployments not read", web + policy("w", "podSelector: {matchLabels: {app: wbe}}"), live(fixtest.Unreadable("deployments.apps", "forbidden")), []string{"unknown low unknown"}},
		{"malformed", web + policy("w", "podSelector: {matchExpressions: [{key: app, operator: Near}]}"), live(), []string{"fail low dangling"}},
	})
}

func TestEnforceRace(t *testing.T) {
	engine := func(name string, strict bool) fixtest.Option {
		return fixtest.Engine(harden.Engine{Name: name, Enforces: harden.Enforced, Strict: strict})
	}
	yaml := namespace + policy("d", "podSelector: {}")
	judge(t, EnforceRace, []judgement{
		{"standard", yaml, live(engine(harden.EngineVPCCNI, false)), []string{"fail info standard"}},
		{"strict", yaml, live(engine(harden.EngineVPCCNI, true)), nil},
		{"no policies", namespace, live(engine(harden.EngineVPCCNI, false)), nil},
		{"another engine", yaml, live(engine(harden.EngineCilium, false)), nil},
	})
}
