package fixers_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
)

var suite = fixers.Suite()

// words are put into fields of text: names and values by which objects find one another.
var words = []string{"", "app", "web", "default", "shop", "nginx", "db", "true", "80", "http", "https", "kube-system", "system:anonymous", "cluster-admin", "latest"}

// scramble changes something at random in a value that can be set, at most so
// deep. It tells where.
func (m *mutator) scramble(v reflect.Value, depth int) string {
	switch v.Kind() {
	case reflect.Struct:
		var fields []int
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Name != "TypeMeta" {
				fields = append(fields, i)
			}
		}
		// What is set is what rules look at.
		slices.SortStableFunc(fields, func(a, b int) int { return zeros(v.Field(a)) - zeros(v.Field(b)) })
		if set := slices.IndexFunc(fields, func(i int) bool { return v.Field(i).IsZero() }); set > 0 && m.rnd.IntN(4) > 0 {
			fields = fields[:set]
		}
		if len(fields) == 0 || depth == 0 {
			return ""
		}
		i := fields[m.rnd.IntN(len(fields))]
		return "." + v.Type().Field(i).Name + m.scramble(v.Field(i), depth-1)
	case reflect.Pointer:
		switch {
		case v.IsNil():
			v.Set(reflect.New(v.Type().Elem()))
		case m.rnd.IntN(3) == 0:
			v.SetZero()
			return " gone"
		}
		return m.scramble(v.Elem(), depth)
	case reflect.Slice:
		if v.Len() == 0 {
			if depth == 0 {
				return ""
			}
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			return "[new]" + m.scramble(v.Index(0), depth-1)
		}
		i := m.rnd.IntN(v.Len())
		if m.rnd.IntN(3) == 0 && v.Len() > 1 {
			v.Set(reflect.AppendSlice(v.Slice(0, i), v.Slice(i+1, v.Len())))
			return fmt.Sprintf("[%d] gone", i)
		}
		return fmt.Sprintf("[%d]", i) + m.scramble(v.Index(i), depth-1)
	case reflect.Map:
		return m.scrambleEntries(v, depth)
	case reflect.String:
		v.SetString(words[m.rnd.IntN(len(words))])
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt([]int64{0, 1, 80, 443, 8080, 10001, 65534}[m.rnd.IntN(7)])
	}
	return ""
}

func zeros(v reflect.Value) int {
	if v.IsZero() {
		return 1
	}
	return 0
}

func (m *mutator) scrambleEntries(v reflect.Value, depth int) string {
	if v.Type().Key().Kind() != reflect.String {
		return ""
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	var keys []string
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	key := words[m.rnd.IntN(len(words))]
	if len(keys) > 0 && m.rnd.IntN(4) > 0 {
		key = keys[m.rnd.IntN(len(keys))]
	}
	at := reflect.ValueOf(key).Convert(v.Type().Key())
	if m.rnd.IntN(3) == 0 {
		v.SetMapIndex(at, reflect.Value{})
		return "[" + key + "] gone"
	}
	value := reflect.New(v.Type().Elem()).Elem()
	if old := v.MapIndex(at); old.IsValid() {
		value.Set(old)
	}
	where := m.scramble(value, depth-1)
	v.SetMapIndex(at, value)
	return "[" + key + "]" + where
}

// scrambleMap changes something in an object without a type.
func (m *mutator) scrambleMap(o map[string]any, depth int) string {
	if len(o) == 0 || depth == 0 {
		return ""
	}
	keys := slices.Sorted(maps.Keys(o))
	key := keys[m.rnd.IntN(len(keys))]
	if m.rnd.IntN(5) == 0 && key != "metadata" && key != "kind" && key != "apiVersion" {
		delete(o, key)
		return "." + key + " gone"
	}
	where := ""
	switch value := o[key].(type) {
	case map[string]any:
		where = m.scrambleMap(value, depth-1)
	case []any:
		if len(value) > 0 {
			if item, ok := value[m.rnd.IntN(len(value))].(map[string]any); ok {
				where = m.scrambleMap(item, depth-1)
			} else {
				o[key] = value[1:]
			}
		}
	case string:
		o[key] = words[m.rnd.IntN(len(words))]
	case bool:
		o[key] = !value
	case int64:
		o[key] = int64(m.rnd.IntN(9000))
	}
	return "." + key + where
}
