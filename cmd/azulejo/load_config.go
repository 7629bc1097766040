package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Override is a new value for one key of the configuration. Key is the path of the key, such as "mix.width".
type Override struct{ Key, Value string }

// overrides returns one Override for each pair of a key and a value. It leaves out pairs with an empty value.
func overrides(pairs ...string) []Override {
	var all []Override
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, Override{pairs[i], pairs[i+1]})
		}
	}
	return all
}

// parseOverride parses KEY=VALUE.
func parseOverride(s string) (Override, error) {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return Override{}, fmt.Errorf("--set: %q: accepted is KEY=VALUE, such as mix.width=640", s)
	}
	return Override{key, value}, nil
}

// loadConfig returns the configuration from a file, the environment and the flags. The environment replaces values of the
// file. The flags replace values of both. No file is read if its name is empty. loadConfig also returns an error if the
// configuration is not valid.
func loadConfig(file string, environ []string, flags []Override) (Config, error) {
	c := defaultConfig()
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return c, fmt.Errorf("configuration file: %w", err)
		}
		if err := c.read(data); err != nil {
			return c, fmt.Errorf("%s: %w", file, err)
		}
	}
	for _, o := range append(fromEnvironment(environ), flags...) {
		if err := c.set(o); err != nil {
			return c, err
		}
	}
	return c, c.Validate()
}

// read sets the values of c from a YAML document.
func (c *Config) read(data []byte) error {
	var doc yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return apply("", doc.Content[0], reflect.ValueOf(c).Elem())
}

// set sets one value of c. The value is parsed as YAML, so that a list may be written as [a, b].
func (c *Config) set(o Override) error {
	path := strings.Split(o.Key, ".")
	var value yaml.Node
	if err := yaml.Unmarshal([]byte(o.Value), &value); err != nil || len(value.Content) == 0 {
		value = yaml.Node{Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: o.Value, Tag: "!!str"}}}
	}
	n := value.Content[0]
	for _, key := range slices.Backward(path) {
		n = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key}, n}}
	}
	return apply("", n, reflect.ValueOf(c).Elem())
}

// fromEnvironment returns one Override for each environment variable that sets a key. The name of the variable is AZULEJO_
// and the path of the key in capitals, such as AZULEJO_MIX_WIDTH.
func fromEnvironment(environ []string) []Override {
	var all []Override
	for _, key := range leaves("", reflect.TypeFor[Config]()) {
		name := "AZULEJO_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_")) + "="
		for _, e := range environ {
			if v, ok := strings.CutPrefix(e, name); ok {
				all = append(all, Override{key, v})
			}
		}
	}
	return all
}

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

// apply sets v to the value of the YAML node n. path is the path of the key that holds v. An error names the key whose value
// is not accepted.
func apply(path string, n *yaml.Node, v reflect.Value) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case v.Kind() == reflect.Struct:
		return applySection(path, n, v)
	case v.Kind() == reflect.Map:
		return applyMap(path, n, v)
	case v.Kind() == reflect.Slice:
		return applyList(path, n, v)
	}
	if n.Kind != yaml.ScalarNode {
		return refuse(path, n, "one value")
	}
	return applyScalar(path, n, v)
}

func applySection(path string, n *yaml.Node, v reflect.Value) error {
	if n.Kind != yaml.MappingNode {
		return refuse(path, n, "keys and values")
	}
	known := fields(v.Type())
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		index := slices.IndexFunc(known, func(f field) bool { return f.key == key })
		if index < 0 {
			return fmt.Errorf("%s: unknown key; accepted are %s", join(path, key), keys(known))
		}
		if err := apply(join(path, key), n.Content[i+1], v.FieldByIndex(known[index].Index)); err != nil {
			return err
		}
	}
	return nil
}

func applyMap(path string, n *yaml.Node, v reflect.Value) error {
	if n.Kind != yaml.MappingNode {
		return refuse(path, n, "names, each with keys and values")
	}
	m := reflect.MakeMap(v.Type())
	for i := 0; i < len(n.Content); i += 2 {
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaults(e)
		if err := apply(join(path, n.Content[i].Value), n.Content[i+1], e); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(n.Content[i].Value), e)
	}
	v.Set(m)
	return nil
}

func applyList(path string, n *yaml.Node, v reflect.Value) error {
	if n.Kind != yaml.SequenceNode {
		return refuse(path, n, "a list such as [a, b]")
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, e := range n.Content {
		setDefaults(list.Index(i))
		if err := apply(fmt.Sprintf("%s[%d]", path, i), e, list.Index(i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// setDefaults sets the defaults of v, an item of a list or map. It does nothing if the type of v has no method setDefaults.
func setDefaults(v reflect.Value) {
	if d, ok := v.Addr().Interface().(interface{ setDefaults() }); ok {
		d.setDefaults()
	}
}

func applyScalar(path string, n *yaml.Node, v reflect.Value) error {
	switch target := v.Addr().Interface().(type) {
	case *time.Duration:
		d, err := time.ParseDuration(n.Value)
		if err != nil {
			return refuse(path, n, "a duration such as 4s or 24h")
		}
		*target = d
		return nil
	case yaml.Unmarshaler:
		if err := target.UnmarshalYAML(n); err != nil {
			return fmt.Errorf("%s: %q: %w", path, n.Value, err)
		}
		return nil
	}
	if v.Kind() == reflect.String {
		v.SetString(n.Value)
		return nil
	}
	if err := n.Decode(v.Addr().Interface()); err != nil {
		return refuse(path, n, map[reflect.Kind]string{reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Bool: "true or false"}[v.Kind()])
	}
	return nil
}

// refuse returns an error that names the key, its value and the accepted values. It hides the value of a secret.
func refuse(path string, n *yaml.Node, accepted string) error {
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
	return fmt.Errorf("%s: %q: accepted is %s", path, value, accepted)
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
