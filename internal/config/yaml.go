package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file applies the YAML document source, which stands in the file at path.
func (l *loader) file(path string, source []byte, root reflect.Value) {
	w := walk{loader: l, name: filepath.Base(path)}
	d := yaml.NewDecoder(bytes.NewReader(source))
	var document, more yaml.Node
	switch err := d.Decode(&document); {
	case errors.Is(err, io.EOF):
		return // empty, or comments only
	case err != nil:
		l.problems.add("", path, "is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		l.problems.add("", path, "holds more than one document")
	}
	w.value(document.Content[0], root, "")
}

// walk goes through the nodes of a document and the fields of the tree side by side.
type walk struct {
	*loader
	name string // of the file
}

func (w walk) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", w.name, n.Line) }

func (w walk) value(n *yaml.Node, v reflect.Value, key string) {
	switch {
	case n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0:
		w.problems.add(key, w.at(n), "aliases and tags are not used here; write the value itself")
	case isSection(v.Type()):
		w.section(n, v, key)
	case isList(v.Type()):
		w.list(n, v, key)
	default:
		w.single(n, v, key)
	}
}

// section reads a mapping. One without a value has all its entries commented out and says nothing.
func (w walk) section(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == "" {
		return
	}
	if n.Kind != yaml.MappingNode {
		w.refuse(v.Type(), key, w.at(n), false)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if line, twice := seen[name.Value]; twice {
			w.problems.add(join(key, shown(name.Value)), w.at(name), "stands in line %d already", line)
			continue
		}
		seen[name.Value] = name.Line
		w.entry(name, value, v, key)
	}
}

func (w walk) entry(name, value *yaml.Node, section reflect.Value, key string) {
	v, file := reflect.Value{}, false
	if name.Kind == yaml.ScalarNode && !strings.Contains(name.Value, ".") {
		v, file = find(section, name.Value)
	}
	full := join(key, shown(name.Value)) // the value itself, if it is one of ours
	switch {
	case !v.IsValid():
		w.problems.add(full, w.at(name), "there is no such setting%s", meant(name.Value, names(section.Type())))
	case file:
		w.secretFile(value, v, strings.TrimSuffix(full, fileSuffix))
	case isSecret(v.Type()):
		w.problems.add(full, w.at(name), "a secret does not stand in this file, which gets copied; "+
			"put it into a file of its own and name it with %s%s, or set %s", name.Value, fileSuffix, variable(full))
	default:
		w.value(value, v, full)
	}
}

func (w walk) secretFile(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		w.problems.add(key, w.at(n), "must be the path of a file")
		return
	}
	w.setSecret(v, key, w.at(n), n.Value)
}

func (w walk) list(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.SequenceNode {
		w.refuse(v.Type(), key, w.at(n), n.Kind == yaml.ScalarNode && n.Value == "")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, entry := range n.Content {
		e := reflect.New(v.Type().Elem()).Elem()
		w.value(entry, e, fmt.Sprintf("%s.%d", key, i))
		out = reflect.Append(out, e)
	}
	v.Set(out)
	w.config.origins[key] = w.at(n)
}

// single reads a scalar, which must have been written as what it is: text that looks like a number
// is a number in YAML, and a reader who takes it for text would read another value than it shows.
func (w walk) single(n *yaml.Node, v reflect.Value, key string) {
	want := "!!str"
	switch v.Kind() {
	case reflect.Bool:
		want = "!!bool"
	case reflect.Int:
		want = "!!int"
	}
	null := n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
	if n.Kind != yaml.ScalarNode || n.ShortTag() != want {
		w.refuse(v.Type(), key, w.at(n), null)
		return
	}
	w.set(v, key, w.at(n), n.Value)
}
