package config

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Print writes every setting with where it comes from, as YAML that Load reads back. Of secrets it
// says only whether there is one.
func (c *Config) Print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.TabIndent)
	p := printer{config: c, out: bufio.NewWriter(out)}
	p.section(reflect.ValueOf(c).Elem(), "", "")
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("printing the configuration: %w", err)
	}
	return out.Flush()
}

type printer struct {
	config *Config
	out    *bufio.Writer // keeps the first error for Flush
}

func (p printer) origin(key string) string {
	if where, ok := p.config.origins[key]; ok {
		return where
	}
	return "default"
}

func (p printer) line(format string, args ...any) { _, _ = fmt.Fprintf(p.out, format+"\n", args...) }

func (p printer) section(v reflect.Value, key, indent string) {
	for _, f := range fields(v.Type()) {
		full, below := join(key, f.name), v.Field(f.index)
		switch {
		case isSection(f.kind):
			p.line("%s%s:", indent, f.name)
			p.section(below, full, indent+"  ")
		case isSecret(f.kind):
			p.line("%s# %s: %s\t# %s", indent, f.name, secretState(below), p.origin(full))
		case isList(f.kind):
			p.list(below, f.name, full, indent)
		case below.Kind() == reflect.String && below.String() == "":
			p.line("%s# %s:\t# not set", indent, f.name)
		default:
			p.line("%s%s: %s\t# %s", indent, f.name, quote(below), p.origin(full))
		}
	}
}

func (p printer) list(v reflect.Value, name, key, indent string) {
	if v.Len() == 0 {
		p.line("%s%s: []\t# %s", indent, name, p.origin(key))
		return
	}
	p.line("%s%s:\t# %s", indent, name, p.origin(key))
	for i := range v.Len() {
		if !isSection(v.Type().Elem()) {
			p.line("%s  - %s", indent, quote(v.Index(i)))
			continue
		}
		p.line("%s  -", indent)
		p.section(v.Index(i), fmt.Sprintf("%s.%d", key, i), indent+"    ")
	}
}

func secretState(v reflect.Value) string {
	if e, ok := v.Interface().(interface{ Empty() bool }); ok && e.Empty() {
		return "not set"
	}
	return "set, not shown"
}

// plain are texts that YAML reads as the same text without quotes, unless they are words of its own.
const plain = `^[A-Za-z/]([A-Za-z0-9._/@=:-]*[A-Za-z0-9._/@=-])?$|^[0-9]+(ms|s|m|h|d|KiB|MiB|GiB)$`

// quote is the value of v as YAML. What is not surely plain is quoted; Go's escapes are YAML's too.
func quote(v reflect.Value) string {
	s := text(v)
	if v.Kind() == reflect.Bool || v.Kind() == reflect.Int {
		return s
	}
	words := []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
	if regexp.MustCompile(plain).MatchString(s) && !slices.Contains(words, strings.ToLower(s)) {
		return s
	}
	return strconv.Quote(s)
}
