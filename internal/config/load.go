package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Options say where settings come from. Nothing is read from anywhere else.
type Options struct {
	File  string            // path of the YAML file; empty: none
	Env   []string          // the environment as NAME=value, as os.Environ gives it
	Flags map[string]string // by key: server.listen; a secret by the key of its file
	// Open are secrets whose values in Flags hold nothing that others must not see.
	Open []string
	// Checks are what rooms know about their settings. They see a configuration that may have other
	// problems, and return their own.
	Checks []func(*Config) Problems
}

// Load reads, completes and validates the settings. The error is Problems, all of them at once.
func Load(o Options) (*Config, error) {
	var source []byte
	if o.File != "" {
		var err error
		if source, err = readConfigFile(o.File); err != nil {
			return nil, Problems{{Where: o.File, Text: err.Error()}}
		}
	}
	// The profile and --dev decide the defaults, and may stand in any source: so read once for them.
	first := newLoader(Defaults(Business, false))
	first.dry = true
	first.all(o, source)
	l := newLoader(Defaults(first.config.Profile, first.config.Dev))
	l.all(o, source)
	l.problems.merge(l.config.Validate())
	for _, check := range o.Checks {
		l.problems.merge(check(l.config))
	}
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	return l.config, nil
}

// loader fills one configuration.
type loader struct {
	config   *Config
	problems Problems
	dry      bool // do not read files of secrets
}

func newLoader(c Config) *loader {
	c.origins = map[string]string{}
	return &loader{config: &c}
}

func (l *loader) all(o Options, source []byte) {
	root := reflect.ValueOf(l.config).Elem()
	l.file(o.File, source, root)
	l.environment(o.Env, root)
	l.flags(o, root)
}

// set gives v, the setting key, the value text that stands at where.
func (l *loader) set(v reflect.Value, key, where, text string) {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	if !setText(v, text) {
		v.Set(old)
		l.refuse(v.Type(), key, where, text == "")
		return
	}
	l.config.origins[key] = where
}

func (l *loader) refuse(t reflect.Type, key, where string, empty bool) {
	if empty {
		l.problems.add(key, where, "is empty; leave it out, or write %s", form(t))
		return
	}
	l.problems.add(key, where, "must be %s", form(t))
}

// setSecret gives v what stands in the file at path.
func (l *loader) setSecret(v reflect.Value, key, where, path string) {
	if path == "" {
		l.problems.add(key, where, "is empty; leave it out, or name a file")
		return
	}
	l.config.origins[key] = where
	if l.dry {
		return
	}
	text, err := readSecretFile(path)
	if err != nil {
		l.problems.add(key, where, "%v", err)
		return
	}
	if !setText(v, text) {
		l.problems.add(key, where, "%s is empty, or holds more than one line of text", path)
	}
}

// flags applies what the command line says.
func (l *loader) flags(o Options, root reflect.Value) {
	flags := o.Flags
	keys := make([]string, 0, len(flags))
	for k := range flags {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		where := "--" + key
		v, file := find(root, key)
		switch {
		case !v.IsValid() || isSection(v.Type()) || isList(v.Type()) && isSection(v.Type().Elem()):
			l.problems.add(shown(key), shown(where), "there is no such setting%s", meant(key, allKeys(root.Type(), "")))
		case isSecret(v.Type()) && !file && !slices.Contains(o.Open, key):
			l.problems.add(key, where, "a secret on the command line can be seen by others on this machine; name a file with --%s%s", key, fileSuffix)
		case file:
			l.setSecret(v, strings.TrimSuffix(key, fileSuffix), where, flags[key])
		default:
			l.set(v, key, where, flags[key])
		}
	}
}

// find is the value of key below v; file says that it is a secret, named by its file.
func find(v reflect.Value, key string) (found reflect.Value, file bool) {
	name, rest, deeper := strings.Cut(key, ".")
	for _, f := range fields(v.Type()) {
		switch {
		case f.name == name && deeper && isSection(f.kind):
			return find(v.Field(f.index), rest)
		case f.name == name && !deeper:
			return v.Field(f.index), false
		case isSecret(f.kind) && f.name+fileSuffix == name && !deeper:
			return v.Field(f.index), true
		}
	}
	return reflect.Value{}, false
}

// allKeys are the keys of all settings below t; of a list of sections, those of its first entry.
func allKeys(t reflect.Type, key string) []string {
	var out []string
	for _, f := range fields(t) {
		full := join(key, f.name)
		switch {
		case isSection(f.kind):
			out = append(out, allKeys(f.kind, full)...)
		case isList(f.kind) && isSection(f.kind.Elem()):
			out = append(out, allKeys(f.kind.Elem(), full+".0")...)
		case isSecret(f.kind):
			out = append(out, full+fileSuffix)
		default:
			out = append(out, full)
		}
	}
	return out
}

// Bounds of files.
const (
	maxConfig = 1 << 20
	maxSecret = 64 << 10
)

func readConfigFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, without(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(data) > maxConfig {
		err = fmt.Errorf("is larger than %d bytes", maxConfig)
	}
	return data, without(err)
}

// readSecretFile reads a secret that nobody but owner and group can read. One line break at the end is
// not part of it. The open file is looked at, not the path, which may name another a moment later.
func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", path, without(err))
	}
	defer func() { _ = f.Close() }() // it was only read
	if err := private(path, f); err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s cannot be read: %w", path, without(err))
	case len(data) > maxSecret:
		return "", fmt.Errorf("%s is larger than %d bytes and so no secret", path, maxSecret)
	}
	text, _ := strings.CutSuffix(string(data), "\n")
	text, _ = strings.CutSuffix(text, "\r")
	return text, nil
}

// private refuses a file that others may read or write, and a directory.
func private(path string, f *os.File) error {
	is, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("%s cannot be looked at: %w", path, without(err))
	case is.IsDir():
		return fmt.Errorf("%s is a directory", path)
	case is.Mode().Perm()&0o007 != 0:
		return fmt.Errorf("%s may be read or written by everybody (mode %04o); run chmod 600 on it, or mount it with mode 0400", path, is.Mode().Perm())
	}
	return nil
}

// without is err without the path, which stands in the problem already.
func without(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}
