package tui

import "errors"

// waiverScenes are those of waivers, reports, the log, exports and edits.
func waiverScenes() []scene {
	toFinding := func(d *driver) { d.press("tab", "tab", "down", "down"); d.rest() }
	waive := func(d *driver) {
		toFinding(d)
		d.press("w")
		d.typeText("needs a root user until the new image")
	}
	return []scene{
		{name: "waive", main: true, act: waive},
		{name: "waive-wrong", act: func(d *driver) {
			d.press("tab", "tab", "w", "tab")
			for range 10 {
				d.press("backspace")
			}
			d.typeText("soon")
			d.press("enter")
		}},
		{name: "waive-plan", act: func(d *driver) { waive(d); d.press("enter"); d.rest() }},
		{name: "waive-config", act: func(d *driver) {
			waive(d)
			d.press("tab", "tab", "tab", "tab", "right", "enter")
			d.wait(armAfter)
		}},
		{name: "waivers", main: true, act: func(d *driver) { d.press("W", "down") }},
		{name: "waivers-empty", fake: func(f *fake) { f.waivers = noWaivers }, act: func(d *driver) { d.press("W") }},
		{name: "waivers-plan", act: func(d *driver) { d.press("W", "space", "end", "x") }},
		{name: "report", main: true, act: func(d *driver) { d.press("C", "down", "down") }},
		{name: "report-all", act: func(d *driver) { d.press("C", "tab", "a", "down", "down", "down") }},
		{name: "report-findings", act: func(d *driver) { d.press("C", "down", "enter"); d.rest() }},
		{name: "log", main: true, act: func(d *driver) { d.say(logged(40)...); d.press("~", "up") }},
		{name: "log-unseen", act: func(d *driver) { d.say(logged(40)...); d.rest() }},
		{name: "log-empty", act: func(d *driver) { d.press("~") }},
		{name: "export", act: func(d *driver) { toFinding(d); d.press("e") }},
		{name: "export-files", main: true, act: func(d *driver) { toFinding(d); d.press("e", "enter"); d.wait(armAfter) }},
		{name: "edited", act: func(d *driver) {
			toFinding(d)
			d.edit("kind: Deployment\nspec: {}\n")
			d.press("E")
			d.rest()
		}},
		{name: "edit-refused", fake: func(f *fake) {
			f.reviseErr = errors.New("line 4: unknown field \"spec.template.spec.securityContxt\"")
		}, act: func(d *driver) {
			toFinding(d)
			d.edit("kind: Deployment\nspec: {}\n")
			d.press("E")
		}},
		{name: "last-error", fake: func(f *fake) {
			f.planErr = errors.New("asking the API server about deploy/web: admission webhook \"policy.example.com\" denied the request: label team is missing")
		}, act: func(d *driver) { d.press("a", "f", "!") }},
	}
}
