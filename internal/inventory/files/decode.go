package files

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/kubectl-harden/kubectl-harden/internal/source/scalar"
)

// A decoder fills built-in types straight from a tree. It is strict: a field
// that the type does not have is an error, as for kubectl --validate=strict,
// and so is a value of another type, as for the API server. Unlike those it
// names the place of each mistake, and goes on to find them all.
type decoder struct {
	path  []step
	errs  []*ReadError
	loose bool // fields that the type does not have are no mistake
}

type step struct {
	name  string
	index int // of a list item, when name is empty
}

// decode fills the struct that v points to.
func (d *decoder) decode(n *node, v any) { d.value(n, reflect.ValueOf(v).Elem()) }

func (d *decoder) fail(n *node, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if p := d.where(); p != "" {
		msg = p + ": " + msg
	}
	d.errs = append(d.errs, &ReadError{Line: int(n.line), Column: int(n.col), Msg: msg})
}

func (d *decoder) where() string {
	var b strings.Builder
	for _, s := range d.path {
		switch {
		case s.name == "":
			fmt.Fprintf(&b, "[%d]", s.index)
		case b.Len() == 0:
			b.WriteString(s.name)
		default:
			b.WriteString("." + s.name)
		}
	}
	return b.String()
}

var unmarshalerType = reflect.TypeFor[json.Unmarshaler]()

func (d *decoder) value(n *node, v reflect.Value) {
	t := v.Type()
	if k := t.Kind(); k != reflect.String && k != reflect.Bool && shapeOf(t).unmarshals {
		d.unmarshal(n, v)
		return
	}
	if n.kind == scalarNode && n.plain && scalar.MaybeTyped(n.value) && n.isNull() {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		p := reflect.New(t.Elem())
		d.value(n, p.Elem())
		v.Set(p)
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Slice:
		d.slice(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.String:
		if n.kind != scalarNode {
			d.fail(n, "want a string, got %s", n.what())
		} else if n.isPlainString() {
			v.SetString(n.value)
		} else if t, _ := n.scalar(); t != stringType {
			d.fail(n, "want a string, got %s: put it in quotes", n.what())
		} else {
			v.SetString(n.value)
		}
	case reflect.Bool:
		if t, b := n.scalar(); n.kind == scalarNode && t == boolType {
			v.SetBool(b.(bool))
		} else {
			d.fail(n, "want true or false, got %s", n.what())
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		d.integer(n, v)
	case reflect.Interface:
		v.Set(reflect.ValueOf(n.toAny()))
	default:
		d.fail(n, "cannot read a %s", t)
	}
}

func (d *decoder) integer(n *node, v reflect.Value) {
	_, val := n.scalar()
	if n.kind != scalarNode {
		val = nil
	}
	if f, ok := val.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		val = int64(f)
	}
	i, ok := val.(int64)
	switch {
	case !ok:
		d.fail(n, "want a whole number, got %s", n.what())
	case v.OverflowInt(i):
		d.fail(n, "%s is too large", n.value)
	default:
		v.SetInt(i)
	}
}

// unmarshal hands the value to types that read JSON themselves: quantities, times, int-or-string.
func (d *decoder) unmarshal(n *node, v reflect.Value) {
	var data []byte
	if n.kind == scalarNode {
		t, val := n.scalar()
		switch t {
		case nullType:
			return
		case stringType:
			data = strconv.AppendQuote(nil, n.value)
			if !json.Valid(data) {
				data = []byte(jsonString(n.value))
			}
		default:
			data = []byte(scalarJSON(val))
		}
	} else {
		var err error
		if data, err = json.Marshal(n.toAny()); err != nil {
			d.fail(n, "%v", err)
			return
		}
	}
	if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(data); err != nil {
		d.fail(n, "%s is not a valid %s: %v", n.what(), strings.ToLower(v.Type().Name()), err)
	}
}

func (d *decoder) structure(n *node, v reflect.Value) {
	if n.kind != mappingNode {
		d.fail(n, "want a mapping, got %s", n.what())
		return
	}
	fields := shapeOf(v.Type()).fields
	for i := 0; i+1 < len(n.kids); i += 2 {
		key := &n.kids[i]
		name := key.value
		if key.plain && scalar.MaybeTyped(name) {
			name, _ = key.key()
		}
		d.path = append(d.path, step{name: name})
		if index, ok := fields[name]; ok {
			d.value(&n.kids[i+1], v.FieldByIndex(index))
		} else if !d.loose {
			d.unknown(key, name, fields)
		}
		d.path = d.path[:len(d.path)-1]
	}
}

func (d *decoder) unknown(key *node, name string, fields map[string][]int) {
	hint := ""
	for known := range fields {
		if strings.EqualFold(known, name) {
			hint = fmt.Sprintf(": did you mean %q?", known)
		}
	}
	d.errs = append(d.errs, &ReadError{
		Line: int(key.line), Column: int(key.col),
		Msg: fmt.Sprintf("unknown field %q%s", d.where(), hint),
	})
}

func (d *decoder) slice(n *node, v reflect.Value) {
	t := v.Type()
	if t.Elem().Kind() == reflect.Uint8 {
		b, err := base64.StdEncoding.DecodeString(n.value)
		if err != nil || n.kind != scalarNode {
			d.fail(n, "want base64 text, got %s", n.what())
			return
		}
		v.SetBytes(b)
		return
	}
	if n.kind != sequenceNode {
		d.fail(n, "want a list, got %s", n.what())
		return
	}
	s := reflect.MakeSlice(t, len(n.kids), len(n.kids))
	d.path = append(d.path, step{})
	for i := range n.kids {
		d.path[len(d.path)-1].index = i
		d.value(&n.kids[i], s.Index(i))
	}
	d.path = d.path[:len(d.path)-1]
	v.Set(s)
}

func (d *decoder) mapping(n *node, v reflect.Value) {
	if n.kind != mappingNode {
		d.fail(n, "want a mapping, got %s", n.what())
		return
	}
	t := v.Type()
	m := reflect.MakeMapWithSize(t, len(n.kids)/2)
	d.path = append(d.path, step{})
	for i := 0; i+1 < len(n.kids); i += 2 {
		name, _ := n.kids[i].key()
		d.path[len(d.path)-1].name = name
		e := reflect.New(t.Elem()).Elem()
		d.value(&n.kids[i+1], e)
		m.SetMapIndex(reflect.ValueOf(name).Convert(t.Key()), e)
	}
	d.path = d.path[:len(d.path)-1]
	v.Set(m)
}

// A shape is what the decoder knows of a type.
type shape struct {
	unmarshals bool
	fields     map[string][]int // of a struct
}

var shapes sync.Map // reflect.Type -> *shape

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{unmarshals: reflect.PointerTo(t).Implements(unmarshalerType)}
	if t.Kind() == reflect.Struct && !s.unmarshals {
		s.fields = fieldsOf(t)
	}
	shapes.Store(t, s)
	return s
}

// fieldsOf lists the JSON fields of a struct, those of inlined structs included.
func fieldsOf(t reflect.Type) map[string][]int {
	fields := map[string][]int{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && (f.Anonymous || strings.Contains(options, "inline")):
			for inner, index := range fieldsOf(f.Type) {
				fields[inner] = append([]int{f.Index[0]}, index...)
			}
		case name != "":
			fields[name] = f.Index
		}
	}
	return fields
}
