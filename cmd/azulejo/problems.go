package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// place says where the configuration sets a key.
type place struct {
	name  string // such as "azulejo.yaml:12", "AZULEJO_MIX_WIDTH" or "--listen"
	order int    // problems are sorted by it: the line in the file; for the environment and the flags more than any line
}

// problem is one mistake in the configuration.
type problem struct {
	place
	text string // the path of the key, the value, and what is accepted
}

// key returns the path of the key that the problem is about, as far as the text shows it.
func (p problem) key() string {
	key, _, _ := strings.Cut(p.text, ": ")
	return key
}

// afterFile is the order of places that are not in the file.
const afterFile = math.MaxInt

// problems collects the mistakes of one configuration.
type problems struct {
	file   string           // the name of the configuration file; empty: there is none
	places map[string]place // by the path of the key
	all    []problem
}

// add adds a mistake that is at a known place.
func (p *problems) add(at place, format string, args ...any) {
	p.all = append(p.all, problem{at, fmt.Sprintf(format, args...)})
}

// check adds the mistakes in err, one for each line. Each line starts with the path of a key. A mistake is left out if its key
// has one already, because one wrong value may break several rules.
func (p *problems) check(err error) {
	if err == nil {
		return
	}
	for text := range strings.SplitSeq(err.Error(), "\n") {
		found := problem{p.find(text), text}
		if !slices.ContainsFunc(p.all, func(known problem) bool { return known.key() == found.key() }) {
			p.all = append(p.all, found)
		}
	}
}

// find returns the place of the key that text starts with. If the key is not set anywhere, it returns the place of the section
// that the key belongs to.
func (p *problems) find(text string) place {
	longest, at := -1, place{p.file, afterFile}
	for path, where := range p.places {
		rest, ok := strings.CutPrefix(text, path)
		if ok && len(path) > longest && (rest == "" || strings.ContainsRune(":.[ ", rune(rest[0]))) {
			longest, at = len(path), where
		}
	}
	return at
}

// err returns all mistakes as one error with a line for each, in the order of the file. It returns nil if there is none.
func (p *problems) err() error {
	slices.SortStableFunc(p.all, func(a, b problem) int { return cmp.Compare(a.order, b.order) })
	var lines []string
	for _, found := range p.all {
		line := found.text
		if found.name != "" {
			line = found.name + ": " + line
		}
		lines = append(lines, strings.ReplaceAll(line, "\n", " "))
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}

// prefixLines adds prefix to the start of each line of err.
func prefixLines(prefix string, err error) error {
	if err == nil {
		return nil
	}
	return errors.New(prefix + strings.ReplaceAll(err.Error(), "\n", "\n"+prefix))
}
