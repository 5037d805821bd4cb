package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"k8s.io/kubectl/pkg/cmd/util/editor"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// editPatches opens the patch of each object of the plan in an editor.
func (o *fixOptions) editPatches(ctx context.Context, plan *harden.Plan) (*harden.Plan, error) {
	for _, op := range plan.Objects {
		if op.Delivery != harden.DeliverLive && !plan.InSource {
			continue // it is shown only
		}
		var err error
		if plan, err = o.editPatch(ctx, plan, op); err != nil {
			return nil, fmt.Errorf("editing the patch of %s: %w", op.Target.Long(), err)
		}
	}
	return plan, nil
}

// editPatch opens the editor until the text is a patch. Text that is left as it
// was although it is none ends it, as kubectl edit does; the file stays.
func (o *fixOptions) editPatch(ctx context.Context, plan *harden.Plan, op *harden.ObjectPlan) (*harden.Plan, error) {
	text, err := o.session.PatchText(op)
	if err != nil {
		return nil, err
	}
	var wrong error
	for {
		edited, path, err := editor.NewDefaultEditor([]string{"KUBE_EDITOR", "EDITOR"}).LaunchTempFile("kubectl-harden-", ".yaml", strings.NewReader(text))
		if err != nil {
			return nil, hinted(err, "name an editor in KUBE_EDITOR or EDITOR")
		}
		if wrong != nil && bytes.Equal(edited, []byte(text)) {
			return nil, hinted(wrong, "your text is in "+path)
		}
		_ = os.Remove(path) // what was edited is read
		next, err := o.session.Revise(ctx, plan, op.Target.Key(), string(edited), o.planOpts)
		if err == nil {
			return next, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		wrong, text = err, withError(string(edited), err)
	}
}

// withError puts an error on top of the text, in the place of the first comment,
// so that the lines keep their numbers.
func withError(text string, err error) string {
	mark := "# error: " + harden.OneLine(err.Error()) + "\n"
	first, rest, _ := strings.Cut(text, "\n")
	if strings.HasPrefix(first, "#") && !strings.HasPrefix(first, "#-") {
		return mark + rest
	}
	return mark + text
}
