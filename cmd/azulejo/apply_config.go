package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// leaves returns the paths of all keys below t that hold a value. It leaves out keys that hold a section with more keys.
// prefix is the path of t with a dot at its end; it is empty for the whole configuration.
func leaves(prefix string, t reflect.Type) []string {
	if t.Kind() != reflect.Struct {
		return []string{strings.TrimSuffix(prefix, ".")}
	}
	var all []string
	for _, f := range fields(t) {
		all = append(all, leaves(prefix+f.key+".", f.Type)...)
	}
	return all
}

// field is one key of a section of the configuration.
type field struct {
	reflect.StructField
	key string
}

// fields returns the keys of the section t.
func fields(t reflect.Type) []field {
	var all []field
	for f := range t.Fields() {
		if key := f.Tag.Get("yaml"); key != "" && key != "-" {
			all = append(all, field{f, key})
		}
	}
	return all
}

// apply sets v to the value of the YAML node n. path is the path of the key that holds v, and line is the line of this key. For
// each value that is not accepted it adds a mistake and goes on.
func (l *loader) apply(path string, line int, n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if path != "" {
		l.places[path] = l.line(line)
	}
	switch {
	case v.Kind() == reflect.Struct:
		l.applySection(path, line, n, v)
	case v.Kind() == reflect.Map:
		l.applyMap(path, line, n, v)
	case v.Kind() == reflect.Slice:
		l.applyList(path, line, n, v)
	case n.Kind != yaml.ScalarNode:
		l.refuse(path, line, n, "one value")
	default:
		l.applyScalar(path, line, n, v)
	}
}

func (l *loader) applySection(path string, line int, n *yaml.Node, v reflect.Value) {
	known := fields(v.Type())
	l.eachKey(path, line, n, "keys and values", func(path string, key, value *yaml.Node) {
		index := slices.IndexFunc(known, func(f field) bool { return f.key == key.Value })
		if index < 0 {
			l.add(l.line(key.Line), "%s: unknown key; accepted are %s", path, keys(known))
			return
		}
		l.apply(path, key.Line, value, v.FieldByIndex(known[index].Index))
	})
}

func (l *loader) applyMap(path string, line int, n *yaml.Node, v reflect.Value) {
	m := reflect.MakeMap(v.Type())
	l.eachKey(path, line, n, "names, each with keys and values", func(path string, key, value *yaml.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaults(e)
		l.apply(path, key.Line, value, e)
		m.SetMapIndex(reflect.ValueOf(key.Value), e)
	})
	v.Set(m)
}

// eachKey calls visit for each key of n, with the path of the key. It adds a mistake if n has no keys, and for each key that
// n has twice.
func (l *loader) eachKey(path string, line int, n *yaml.Node, accepted string, visit func(path string, key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		l.refuse(path, line, n, accepted)
		return
	}
	lines := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if first, twice := lines[key.Value]; twice {
			l.add(l.line(key.Line), "%s: twice, first on line %d; accepted is once", join(path, key.Value), first)
			continue
		}
		lines[key.Value] = key.Line
		visit(join(path, key.Value), key, n.Content[i+1])
	}
}

func (l *loader) applyList(path string, line int, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		l.refuse(path, line, n, "a list such as [a, b]")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, e := range n.Content {
		setDefaults(list.Index(i))
		l.apply(fmt.Sprintf("%s[%d]", path, i), e.Line, e, list.Index(i))
	}
	v.Set(list)
}

// setDefaults sets the defaults of v, an item of a list or map. It does nothing if the type of v has no method setDefaults.
func setDefaults(v reflect.Value) {
	if d, ok := v.Addr().Interface().(interface{ setDefaults() }); ok {
		d.setDefaults()
	}
}

func (l *loader) applyScalar(path string, line int, n *yaml.Node, v reflect.Value) {
	switch target := v.Addr().Interface().(type) {
	case *time.Duration:
		d, err := parseDuration(n.Value)
		if err != nil {
			l.refuse(path, line, n, "a duration such as 4s, 24h or 30d")
		}
		*target = d
		return
	case yaml.Unmarshaler:
		if err := target.UnmarshalYAML(n); err != nil {
			l.add(l.line(line), "%s: %q: %v", path, n.Value, err)
		}
		return
	}
	if v.Kind() == reflect.String {
		v.SetString(n.Value)
		return
	}
	if err := n.Decode(v.Addr().Interface()); err != nil {
		accepted := map[reflect.Kind]string{reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Bool: "true or false"}
		l.refuse(path, line, n, accepted[v.Kind()])
	}
}

// refuse adds a mistake that names the key, its value and the accepted values. It hides the value of a secret.
func (l *loader) refuse(path string, line int, n *yaml.Node, accepted string) {
	value := n.Value
	if n.Kind != yaml.ScalarNode {
		out, _ := yaml.Marshal(n) // cannot fail, since the node has just been parsed
		value = strings.Join(strings.Fields(string(out)), " ")
	}
	if strings.Contains(path, "secret") {
		value = Secret(value).String()
	}
	if path == "" {
		path = "configuration"
	}
	l.add(l.line(line), "%s: %q: accepted is %s", path, value, accepted)
}

// join returns the path of a key of the section whose path is path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keys returns the names of all fields in known, separated by commas.
func keys(known []field) string {
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.key
	}
	return strings.Join(names, ", ")
}
