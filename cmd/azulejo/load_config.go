package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Override is a new value for one key of the configuration.
type Override struct {
	Key   string // the path of the key, such as "mix.width"
	Value string
	From  string // the environment variable or the flag that has the value; empty: --set
}

// overrides returns one Override for each pair of a key and a value, as flags that are named like the key set them. It leaves
// out pairs with an empty value.
func overrides(pairs ...string) []Override {
	var all []Override
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, Override{pairs[i], pairs[i+1], "--" + pairs[i]})
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
	return Override{Key: key, Value: value}, nil
}

// loader reads a configuration and collects the mistakes in it.
type loader struct {
	problems
	cfg    Config
	origin string // where the value comes from that is being applied; empty: the file
}

// loadConfig returns the configuration from a file, the environment and the flags. The environment replaces values of the
// file. The flags replace values of both. No file is read if its name is empty. The error has one line for each mistake.
func loadConfig(file string, environ []string, flags []Override) (Config, error) {
	l := readConfig(file, environ, flags)
	return l.cfg, l.err()
}

// readConfig is loadConfig for a caller that checks more.
func readConfig(file string, environ []string, flags []Override) *loader {
	l := &loader{cfg: defaultConfig(), problems: problems{file: file, places: map[string]place{}}}
	if !l.readFile() {
		return l
	}
	for _, o := range append(l.fromEnvironment(environ), flags...) {
		l.set(o)
	}
	l.check(l.cfg.Validate())
	return l
}

// readFile sets the values from the file. It returns false if the file is not a YAML document.
func (l *loader) readFile() bool {
	if l.file == "" {
		return true
	}
	data, err := os.ReadFile(l.file)
	if err != nil {
		l.add(place{}, "configuration file: %v", err)
		return false
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return true
	case err != nil:
		l.syntax(err)
		return false
	}
	l.apply("", doc.Content[0].Line, doc.Content[0], reflect.ValueOf(&l.cfg).Elem())
	switch err := in.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		l.syntax(err)
	default:
		l.add(l.line(second.Line), "a second document; accepted is one")
	}
	return true
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// syntax adds a mistake in the YAML syntax.
func (l *loader) syntax(err error) {
	at := place{l.file, 0}
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // cannot fail: these are digits, and a file has fewer lines than an int counts
		text = "yaml: " + strings.TrimPrefix(text, m[0])
		if strings.HasPrefix(text, "yaml: did not find expected") {
			n++ // errors of the parser, unlike those of the scanner, count lines from zero
		}
		at = l.line(n)
	}
	l.add(at, "%s", text)
}

// line returns the place of a line of the file. While a variable or a flag is applied, it returns the place of that.
func (l *loader) line(n int) place {
	if l.origin != "" {
		return place{l.origin, afterFile}
	}
	return place{l.file + ":" + strconv.Itoa(n), n}
}

// set sets one value. The value is parsed as YAML, so that a list may be written as [a, b].
func (l *loader) set(o Override) {
	l.origin = o.From
	if l.origin == "" {
		l.origin = "--set"
	}
	path := strings.Split(o.Key, ".")
	var value yaml.Node
	if err := yaml.Unmarshal([]byte(o.Value), &value); err != nil || len(value.Content) == 0 {
		value = yaml.Node{Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: o.Value, Tag: "!!str"}}}
	}
	n := value.Content[0]
	for _, key := range slices.Backward(path) {
		n = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key}, n}}
	}
	l.apply("", 0, n, reflect.ValueOf(&l.cfg).Elem())
	l.origin = ""
}

// variablePrefix is the start of the name of each environment variable that sets a key.
const variablePrefix = "AZULEJO_"

// otherVariables returns the environment variables that start with variablePrefix but set no key: the scripts, the tests and
// the load client read them.
func otherVariables() []string {
	return []string{
		"AZULEJO_BIN", "AZULEJO_CACHE", "AZULEJO_CHROMIUM", "AZULEJO_FFMPEG", "AZULEJO_FFMPEG_TARBALL", "AZULEJO_FIREFOX",
		"AZULEJO_FOOTAGE", "AZULEJO_LONG", "AZULEJO_SPECIMEN", "AZULEJO_TEST_FRESH", "AZULEJO_TOKEN",
	}
}

// fromEnvironment returns one Override for each environment variable that sets a key. The name of the variable is AZULEJO_
// and the path of the key in capitals, such as AZULEJO_MIX_WIDTH. It adds a mistake for each variable that only starts so.
func (l *loader) fromEnvironment(environ []string) []Override {
	var all []Override
	keys := leaves("", reflect.TypeFor[Config]())
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, variablePrefix) || slices.Contains(otherVariables(), name) {
			continue
		}
		i := slices.IndexFunc(keys, func(key string) bool { return name == variable(key) })
		if i < 0 {
			l.add(place{"environment", afterFile}, "%s: unknown variable; accepted are AZULEJO_ and the path of a key in capitals, such as AZULEJO_MIX_WIDTH", name)
			continue
		}
		all = append(all, Override{keys[i], value, name})
	}
	return all
}

// variable returns the name of the environment variable that sets a key.
func variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}
