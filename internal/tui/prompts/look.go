package prompts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/dustin/go-humanize"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// imageCommands look into images, each after a yes.
func (d *dialog) imageCommands(uses func() []*harden.ImageUse) []command {
	ready := func() string {
		if len(uses()) == 0 {
			return "there is no image here"
		}
		return ""
	}
	ask := func(what string, scan bool, opts harden.EvidenceOptions) func(string) (next, error) {
		return func(string) (next, error) {
			of := users(uses())
			images := plural(len(uses()), "image", "images") + " of " + plural(len(of), "workload", "workloads")
			d.gap()
			d.say(what, images)
			if d.opts.Evidence.PullSecrets {
				d.say("Uses your own registry credentials and the pull secrets of the workloads, which are read from the cluster for it; keeps what was read in a cache.")
			} else {
				d.say(tui.CredentialsNote)
			}
			if scan {
				d.say("%s", or(d.opts.DatabaseNote, tui.DatabaseNote))
				opts.Updates, opts.Signatures = opts.Updates || d.opts.Evidence.Updates, d.opts.Evidence.Signatures
			}
			opts.PullSecrets = d.opts.Evidence.PullSecrets
			if ok, err := d.yes(d.ctx, "look"); !ok || err != nil {
				return stay, d.notLooked(err)
			}
			return changed, d.gather(of, opts)
		}
	}
	return []command{
		{words: []string{"scan", "s"}, help: "look for known vulnerabilities and secrets; asks first", ready: ready, run: ask(
			"Scan? This reads %s from their registries, and looks for known vulnerabilities and secrets.", true, harden.EvidenceOptions{Images: true, Vulnerabilities: true})},
		{words: []string{"look", "i"}, help: "only look what the images are: users, ports, files; asks first", ready: ready, run: ask(
			"Look? This reads %s from their registries: users, ports, files.", false, harden.EvidenceOptions{Images: true})},
		{words: []string{"tags", "t"}, help: "look for newer tags, and scan those that are worth a proposal; asks first", ready: ready, run: ask(
			"Look for newer tags? This lists the tags of %s in their registries, and scans the newer ones that are worth a proposal. What is not scanned yet is scanned too.", true,
			harden.EvidenceOptions{Images: true, Vulnerabilities: true, Updates: true})},
	}
}

func users(uses []*harden.ImageUse) []*harden.Workload {
	var out []*harden.Workload
	for _, u := range uses {
		for _, b := range u.By {
			if !slices.Contains(out, b.Workload) {
				out = append(out, b.Workload)
			}
		}
	}
	return out
}

func (d *dialog) notLooked(err error) error {
	if err == nil {
		d.say("Nothing was looked at.")
	}
	return err
}

func (d *dialog) noProbe() string {
	if !d.live() {
		return "nothing runs behind files"
	}
	return ""
}

// probe looks into running containers of a view, after a yes.
func (d *dialog) probe(v view) error {
	of, err := d.workloadsOf(v)
	if err != nil || len(of) == 0 {
		d.say("There is no workload here.")
		return nil
	}
	d.gap()
	d.say("Look into running containers of %s? This runs a script that only reads in one pod of each of %s, by exec: users, capabilities, ports, files written to.", d.b.Title(), plural(len(of), "workload", "workloads"))
	d.say("It shows up in the audit log as pods/exec. Nothing is changed.")
	if ok, err := d.yes(d.ctx, "look"); !ok || err != nil {
		return d.notLooked(err)
	}
	return d.gather(of, harden.EvidenceOptions{Probe: true})
}

// gather looks, says how far it is in quarters, and takes what comes of it.
func (d *dialog) gather(of []*harden.Workload, opts harden.EvidenceOptions) error {
	d.say("Looking. Control-c stops it; what was found by then is kept.")
	var snap *harden.Snapshot
	err := d.doing(func(ctx context.Context, tell func(string)) error {
		var err error
		snap, err = d.b.Gather(ctx, of, opts, quarters(tell))
		if err == nil && snap == nil {
			err = errors.New("no answer")
		}
		return err
	})
	switch {
	case errors.Is(err, errQuit):
		return err
	case errors.Is(err, context.Canceled):
		d.say("Stopped looking; what was found is kept.")
		return d.read()
	case err != nil:
		d.fail("looking", err)
		return nil
	}
	d.adopt(snap)
	d.say("Looked: what you hear from now on is judged with it.")
	d.notPossible(of, opts)
	return nil
}

// notPossible says what could not be looked at, and why.
func (d *dialog) notPossible(of []*harden.Workload, opts harden.EvidenceOptions) {
	if d.snap.Inventory == nil {
		return
	}
	said := map[string]bool{}
	failed := func(what, why string) {
		if line := what + ": " + why; !said[line] {
			said[line] = true
			d.say("Not possible: %s", line)
		}
	}
	for _, u := range d.snap.Inventory.ImageUses() {
		used := slices.ContainsFunc(u.By, func(b harden.ImageUsage) bool {
			return slices.ContainsFunc(of, func(w *harden.Workload) bool { return w.Ref.Key() == b.Workload.Ref.Key() })
		})
		if used && (opts.Images && u.Facts != nil && !u.Facts.Known || opts.Vulnerabilities && u.Scan != nil && !u.Scan.Known) {
			failed(u.Name(), u.Why())
		}
	}
	if !opts.Probe {
		return
	}
	for _, w := range of {
		for _, pod := range w.Pods {
			for key, p := range d.snap.Inventory.Probes {
				if key.Pod == pod.UID && p != nil && !p.Known {
					failed(p.Pod+", container "+key.Container, p.Why)
				}
			}
		}
	}
}

// quarters turns progress into a few sentences: one when something else is looked
// at, and one for each quarter of it.
func quarters(tell func(string)) func(harden.GatherProgress) {
	var mu sync.Mutex
	what, last := "", -1
	return func(p harden.GatherProgress) {
		mu.Lock()
		defer mu.Unlock()
		at := 0
		if p.Total > 0 {
			at = 4 * p.Done / p.Total
		}
		if p.What == what && at <= last {
			return
		}
		what, last = p.What, at
		switch {
		case at == 0:
			tell("Looking at " + or(p.What, "what there is") + ".")
		case p.Bytes:
			tell(fmt.Sprintf("%s: %s of %s.", upper(p.What), humanize.Bytes(uint64(max(p.Done, 0))), humanize.Bytes(uint64(max(p.Total, 0)))))
		default:
			tell(fmt.Sprintf("%s: %d of %d.", upper(p.What), p.Done, p.Total))
		}
	}
}
