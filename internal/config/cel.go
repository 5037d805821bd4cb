package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/cel/library"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

type celType = cel.Type

var (
	boolType   = cel.BoolType
	stringType = cel.StringType
)

// costLimit bounds one call of an expression. The API server allows 1,000,000 for
// an admission, which it takes for a tenth of a second; here thousands of objects
// are judged one after the other.
const costLimit = 50_000

// maxExpression is how long an expression may be, in bytes.
const maxExpression = 16 << 10

// environment is the language of API servers since Kubernetes 1.37
// (k8s.io/apiserver/pkg/cel/environment, which brings the server's metrics along)
// but for its authorizer, with the variables of a rule.
func environment(r *rule) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.HomogeneousAggregateLiterals(),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(), cel.ValidateHomogeneousAggregateLiterals()),
		cel.CostEstimatorOptions(checker.PresenceTestHasCost(false)),
		library.URLs(), library.Regex(), library.Lists(library.ListsVersion(1)), library.Quantity(), library.IP(), library.CIDR(), library.Format(),
		library.SemverLib(library.SemverVersion(1)),
		ext.Strings(ext.StringsVersion(2)), ext.Sets(), ext.TwoVarComprehensions(), ext.Lists(ext.ListsVersion(3)),
		cel.Variable("object", cel.DynType), cel.Variable("namespaceObject", cel.DynType),
	}
	if r.workloads {
		options = append(options, cel.Variable("podSpec", cel.DynType), cel.Variable("containers", cel.ListType(cel.DynType)))
	}
	if r.each {
		options = append(options, cel.Variable("container", cel.DynType))
	}
	return cel.NewEnv(options...)
}

// A program is an expression that was compiled.
type program struct {
	source string
	run    cel.Program
	// namespace says that it looks at the Namespace of the object.
	namespace bool
}

func compileExpression(env *cel.Env, source string, gives *celType, r *rule) (*program, error) {
	compiled, issues := env.Compile(source)
	if issues != nil && issues.Err() != nil {
		var all []string
		for _, e := range issues.Errors() {
			all = append(all, fmt.Sprintf("at %d:%d of the expression: %s", e.Location.Line(), e.Location.Column()+1, harden.OneLine(e.Message)))
		}
		return nil, errors.New(strings.Join(all, "; "))
	}
	if out := compiled.OutputType(); !out.IsExactType(gives) {
		hint := ""
		if out.IsExactType(cel.DynType) && gives == boolType {
			hint = ": compare it, such as ... == true"
		}
		return nil, fmt.Errorf("the expression gives %s, and must give %s%s", out, gives, hint)
	}
	if err := knownFields(compiled, r); err != nil {
		return nil, err
	}
	run, err := env.Program(compiled,
		cel.EvalOptions(cel.OptOptimize, cel.OptTrackCost), cel.CostLimit(costLimit),
		cel.CostTracking(&library.CostEstimator{}), cel.CostTrackerOptions(interpreter.PresenceTestHasCost(false)))
	if err != nil {
		return nil, err
	}
	return &program{source: source, run: run, namespace: names(compiled, "namespaceObject")}, nil
}

// names reports whether the expression has the variable in it.
func names(compiled *cel.Ast, variable string) bool {
	found := false
	ast.PostOrderVisit(compiled.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.IdentKind && e.AsIdent() == variable
	}))
	return found
}

// workloadFields are what is known of the spec of a workload.
var workloadFields = []string{"template", "jobTemplate", "replicas"}

// knownFields is an error where the expression asks for a field of a workload that
// is never there: has() would say that it is not set.
func knownFields(compiled *cel.Ast, r *rule) error {
	if !r.workloads {
		return nil
	}
	onlyPods := len(r.kinds) > 0 && !slices.ContainsFunc(r.kinds, func(k schema.GroupKind) bool { return k.Kind != "Pod" })
	info := compiled.NativeRep().SourceInfo()
	var bad error
	ast.PostOrderVisit(compiled.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		of, field := selected(e)
		if bad != nil || field == "" {
			return
		}
		_, parent := selected(of)
		unknown := false
		switch {
		case of.Kind() == ast.IdentKind && of.AsIdent() == "object":
			unknown = !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec"}, field)
		case parent == "spec" && of.AsSelect().Operand().Kind() == ast.IdentKind && of.AsSelect().Operand().AsIdent() == "object":
			field = "spec." + field
			unknown = !onlyPods && !slices.Contains(workloadFields, strings.TrimPrefix(field, "spec."))
		}
		if unknown {
			at := info.GetStartLocation(e.ID())
			bad = fmt.Errorf("at %d:%d of the expression: object.%s is not known of workloads: there are apiVersion, kind, metadata, spec.replicas and the pod template, which podSpec is a part of", at.Line(), at.Column()+1, field)
		}
	}))
	return bad
}

func selected(e ast.Expr) (of ast.Expr, field string) {
	if e.Kind() != ast.SelectKind {
		return e, ""
	}
	return e.AsSelect().Operand(), e.AsSelect().FieldName()
}

func (p *program) value(vars map[string]any) (any, error) {
	out, _, err := p.run.Eval(vars)
	switch {
	case err != nil && strings.Contains(err.Error(), "cost limit exceeded"):
		return nil, fmt.Errorf("it costs more than the limit of %d for one object: make it simpler", costLimit)
	case err != nil && strings.Contains(err.Error(), "no such key"):
		return nil, fmt.Errorf("%w: ask with has() whether it is there", err)
	case err != nil:
		return nil, err
	case types.IsUnknownOrError(out):
		return nil, fmt.Errorf("it gives %v", out)
	}
	return out.Value(), nil
}

func (p *program) holds(vars map[string]any) (bool, error) {
	v, err := p.value(vars)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("it gives %T", v)
	}
	return b, nil
}

func (p *program) says(vars map[string]any) (string, error) {
	v, err := p.value(vars)
	if err != nil {
		return "", err
	}
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("it gives %T", v)
	}
	return oneLine(text), nil
}
