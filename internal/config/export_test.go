package config

import (
	"reflect"
	"slices"
)

// Fields are the fields of the decoder by the place in the schema that lists them.
func Fields() map[string][]string {
	names := func(t reflect.Type) []string {
		var out []string
		for i := range t.NumField() {
			out = append(out, t.Field(i).Tag.Get("yaml"))
		}
		slices.Sort(out)
		return out
	}
	return map[string][]string{
		"":                                 names(reflect.TypeFor[file]()),
		"properties/rules":                 names(reflect.TypeFor[fileRules]()),
		"$defs/waiver":                     names(reflect.TypeFor[fileWaiver]()),
		"$defs/rule":                       names(reflect.TypeFor[fileRule]()),
		"$defs/rule/properties/fix":        names(reflect.TypeFor[fileFix]()),
		"$defs/rule/properties/refs/items": names(reflect.TypeFor[fileRef]()),
	}
}
