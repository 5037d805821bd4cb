package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
)

// A destination is where a plan goes, if not to the cluster.
type destination struct {
	inPlace bool
	sources harden.SourceOptions
	out     string
}

func (d *destination) addFlags(fs *pflag.FlagSet) {
	d.addEditFlags(fs)
	fs.StringVar(&d.out, "out", "", "With -o kustomize: the folder of the patches and of the kustomization that names them; with -o manifests: that of the partial objects")
}

// addEditFlags adds the places where files are edited.
func (d *destination) addEditFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&d.inPlace, "in-place", false, "With -f or -k: write the files themselves. Only the bytes of the fixes change")
	fs.StringVar(&d.sources.Folder, "source", "", "Change a checkout instead of the cluster: the manifests, kustomizations and values in this folder that the objects come from")
	fs.StringArrayVar(&d.sources.Values, "values", nil, "With --source: values files of the release, in the order in which helm gets them; may be repeated")
}

// toFiles reports whether the plan goes into files.
func (d *destination) toFiles() bool { return d.inPlace || d.sources.Folder != "" || d.out != "" }

// check refuses what does not go together.
func (d *destination) check(o *fixOptions) error {
	chosen := 0
	for _, yes := range []bool{d.inPlace, d.sources.Folder != "", o.exports()} {
		if yes {
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return errors.New("--in-place, --source and -o kustomize or manifests are places for a plan: use one")
	case o.exports() && d.out == "":
		return hinted(fmt.Errorf("-o %s writes several files", o.output), "name a folder for them with --out")
	case d.out != "" && !o.exports():
		return errors.New("--out is the folder of -o kustomize or -o manifests")
	case d.inPlace && !o.onFiles():
		return hinted(errors.New("--in-place writes the files that -f or -k names"), "for the files behind a cluster's objects use --source")
	case d.inPlace && slices.Contains(o.connection.files, files.Stdin):
		return hinted(errors.New("standard input has no place to write to"), "print the documents with --dry-run -o yaml")
	case d.sources.Folder != "" && o.onFiles():
		return hinted(errors.New("--source looks for the files behind a cluster's objects"), "for files that -f or -k names use --in-place")
	case len(d.sources.Values) > 0 && d.sources.Folder == "":
		return errors.New("--values is for --source: name the folder that holds the chart")
	case d.toFiles() && o.output == "yaml":
		return errors.New("-o yaml prints documents: it cannot go with --in-place or --source")
	case d.toFiles() && (o.tighten || o.resume != "" || o.live || len(o.force) > 0):
		return errors.New("--tighten, --resume, --live and --force-conflicts change a cluster: they cannot go with --in-place, --source or --out")
	}
	return nil
}

// exports reports whether the plan is written as files of its own.
func (o *fixOptions) exports() bool {
	return o.output == string(harden.ExportKustomize) || o.output == string(harden.ExportManifests)
}

// edits is what the plan changes in files.
func (o *fixOptions) edits(plan *harden.Plan) (*harden.SourceEdits, error) {
	if len(plan.Objects) == 0 {
		return &harden.SourceEdits{}, nil
	}
	if o.out == "" {
		return o.session.Edits(plan, o.sources)
	}
	files, err := o.session.Export(plan, harden.ExportForm(o.output), o.out)
	if err != nil {
		return nil, err
	}
	edits := &harden.SourceEdits{Files: files}
	kind := harden.SourceKustomize
	if o.output == string(harden.ExportManifests) {
		kind = harden.SourceManifest
	}
	for _, op := range plan.Objects {
		object := harden.SourceObject{Object: op.Target, Kind: kind, Where: o.out}
		if kind == harden.SourceManifest && op.Set == nil {
			object.Why = "it is to be taken away, which no manifest can say: use -o kustomize"
		}
		edits.Objects = append(edits.Objects, object)
	}
	return edits, nil
}

// write asks, writes the files, and looks again.
func (o *fixOptions) write(ctx context.Context, plan *harden.Plan, edits *harden.SourceEdits) error {
	changed := 0
	for _, f := range edits.Files {
		if f.Changed() {
			changed++
		}
	}
	if changed == 0 {
		fmt.Fprintln(o.streams.ErrOut, "Nothing to write.")
		if hint := o.classHint(plan); hint != "" {
			fmt.Fprintln(o.streams.ErrOut, "hint: "+hint)
		}
		return o.unbrought(edits)
	}
	if !o.yes {
		yes, err := confirm(o.streams, report.WriteQuestion(edits))
		if err != nil {
			return err
		}
		if !yes {
			fmt.Fprintln(o.streams.ErrOut, "Nothing was written.")
			return nil
		}
	}
	written, err := o.session.Write(edits.Files)
	for _, path := range written {
		fmt.Fprintf(o.streams.ErrOut, "%s written\n", path)
	}
	if err != nil {
		return err
	}
	if err := o.lookAgain(ctx, plan); err != nil {
		return err
	}
	return o.unbrought(edits)
}

// lookAgain reads the files that were written and judges them anew.
func (o *fixOptions) lookAgain(ctx context.Context, plan *harden.Plan) error {
	if !o.inPlace {
		if o.out == "" {
			fmt.Fprintln(o.streams.ErrOut, "The cluster changes when these files are applied from where they belong.")
		}
		return nil
	}
	snap, err := o.session.Load(ctx, o.scope)
	if err != nil {
		return err
	}
	var fixes []harden.PlannedFix
	for _, op := range plan.Objects {
		fixes = append(fixes, op.Fixes...)
	}
	return o.readAgain(snap, fixes)
}

// readAgain says which findings are as the fixes want them.
func (o *fixOptions) readAgain(snap *harden.Snapshot, fixes []harden.PlannedFix) error {
	now := map[string]harden.Status{}
	for _, f := range snap.Findings {
		if is, ok := now[f.ID()]; !ok || is != harden.StatusFail {
			now[f.ID()] = f.Status
		}
	}
	open := 0
	for _, effect := range []harden.Effect{harden.Repairs, harden.Waives, harden.Unwaives} {
		done, not := 0, 0
		for _, pf := range fixes {
			if pf.Fix.Effect != effect {
				continue
			}
			is, there := now[pf.Finding.ID()]
			if !there || effect == harden.Waives && is != harden.StatusFail || effect == harden.Unwaives && is != harden.StatusWaived {
				done++
				continue
			}
			not++
			fmt.Fprintf(o.streams.ErrOut, "%s: %s is %s\n", pf.Finding.Object.Long(), pf.Finding.Fixer.ID, still[effect])
		}
		if done+not > 0 {
			fmt.Fprintln(o.streams.ErrOut, report.ReadAgain(effect, done, not))
		}
		open += not
	}
	if open > 0 {
		return exitCode(exitError)
	}
	return nil
}

// still is how a finding stands that is not as a fix of that effect wants it.
var still = map[harden.Effect]string{harden.Repairs: "still there", harden.Waives: "not waived", harden.Unwaives: "still waived"}

// unbrought names what is in no file.
func (o *fixOptions) unbrought(edits *harden.SourceEdits) error {
	for _, object := range edits.Objects {
		if !object.Brought() {
			if err := report.NotBrought(o.streams.ErrOut, edits); err != nil {
				return err
			}
			return exitCode(exitError)
		}
	}
	return nil
}
