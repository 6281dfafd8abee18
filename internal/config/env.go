package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// prefix begins the name of every variable that is ours.
const prefix = "CARDEA_"

// foreign are variables, with their values, that have our prefix and are not settings: those that
// Kubernetes puts into every container beside a service called cardea or cardea-…, and those of our
// own tests. CARDEA_PORT=8420, which somebody may have meant, is not among them.
const foreign = `^CARDEA_(TEST_.*=|(.*_)?(SERVICE_HOST=|SERVICE_PORT(_[A-Z0-9_]+)?=[0-9]+$|` +
	`PORT=(tcp|udp|sctp)://|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=))`

// environment applies the variables in env, and refuses those with our prefix that set nothing.
func (l *loader) environment(env []string, root reflect.Value) {
	e := variables{loader: l, values: map[string]string{}}
	for _, pair := range env {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, prefix) {
			e.values[name] = value
		}
	}
	e.section(root, "")
	strangers := make([]string, 0, len(e.values))
	for name := range e.values {
		strangers = append(strangers, name)
	}
	slices.Sort(strangers)
	ignored := regexp.MustCompile(foreign)
	var known []string
	for _, key := range allKeys(root.Type(), "") {
		known = append(known, variable(key))
	}
	for _, name := range strangers {
		if !ignored.MatchString(name + "=" + e.values[name]) {
			l.problems.add("", shown(name), "there is no setting of that name%s", meant(name, known))
		}
	}
}

// variables are those that are not applied yet.
type variables struct {
	*loader
	values map[string]string
}

// take removes and returns the variable for key.
func (e variables) take(key string) (name, value string, found bool) {
	name = variable(key)
	value, found = e.values[name]
	delete(e.values, name)
	return name, value, found
}

func (e variables) section(v reflect.Value, key string) {
	for _, f := range fields(v.Type()) {
		full, below := join(key, f.name), v.Field(f.index)
		switch {
		case isSection(f.kind):
			e.section(below, full)
		case isList(f.kind) && isSection(f.kind.Elem()):
			e.sections(below, full)
		case isSecret(f.kind):
			e.secret(below, full)
		default:
			if name, value, found := e.take(full); found {
				e.set(below, full, name, value)
			}
		}
	}
}

func (e variables) secret(v reflect.Value, key string) {
	name, value, direct := e.take(key)
	file, path, indirect := e.take(key + fileSuffix)
	switch {
	case direct && indirect:
		e.problems.add(key, name, "is set, and %s too; leave one out", file)
	case indirect:
		e.setSecret(v, key, file, path)
	case direct:
		e.set(v, key, name, value)
	}
}

// maxEntries bounds a list of sections in the environment.
const maxEntries = 100

// sections reads a list of sections from variables with a number: CARDEA_PASSWORD_PEPPERS_0_ID. If
// there are any, they replace the whole list.
func (e variables) sections(v reflect.Value, key string) {
	out := reflect.MakeSlice(v.Type(), 0, 0)
	for i := range maxEntries {
		full := fmt.Sprintf("%s.%d", key, i)
		if !e.any(variable(full) + "_") {
			break
		}
		entry := reflect.New(v.Type().Elem()).Elem()
		e.section(entry, full)
		out = reflect.Append(out, entry)
	}
	if out.Len() > 0 {
		v.Set(out)
		e.config.origins[key] = variable(key) + "_…"
	}
}

func (e variables) any(start string) bool {
	for name := range e.values {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}
