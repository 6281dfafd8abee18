package cli

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// parser makes the commands of a grammar. A field of a grammar is, by its tags,
//
//	cmd                a command; its type declares what the command takes, or further commands
//	arg                an argument; optional: it may be left out
//	(neither)          a flag of its command, and of all below; negatable: --no-NAME is its opposite
//	(embedded)         what its type declares, as if it stood here
//
// name is its name if that is not the field's, help is what it says of itself, enum are the values that it
// takes, default is the one it has, placeholder what help calls a value. Of the flags with one word in xor
// a command line may have one. A field that is a pointer stays nil if it was not given.
type parser struct {
	selected  any // the command that was called, a pointer into the grammar
	arguments map[*cobra.Command][]argument
	commands  map[*cobra.Command][]*cobra.Command // below a command, in the order of the grammar
}

type argument struct {
	value
	name, help string
	optional   bool
}

// parse reads a command line into g and gives the command that it names, or nil after it has printed the
// help that was asked for. Errors say what to do. It writes to out and errOut only, and ends nothing.
func parse(g *grammar, args []string, out, errOut io.Writer) (any, error) {
	p := newParser()
	root := p.root(g)
	root.SetOut(out)
	root.SetErr(errOut)
	root.SetArgs(append([]string{}, args...)) // nil would mean those of the process
	called, err := root.ExecuteC()
	if err != nil {
		return nil, misused{err, called.CommandPath()}
	}
	return p.selected, nil
}

// misused is the error about a command line: what is wrong with it, and where to read on.
type misused struct {
	error
	command string
}

// Error is two lines.
func (m misused) Error() string { return m.error.Error() + "\nTry " + m.command + " --help." }

// Unwrap is what is wrong.
func (m misused) Unwrap() error { return m.error }

func newParser() *parser {
	return &parser{arguments: map[*cobra.Command][]argument{}, commands: map[*cobra.Command][]*cobra.Command{}}
}

func (p *parser) root(g *grammar) *cobra.Command {
	root := &cobra.Command{Use: "cardea", Short: "Identity provider, token server and authorization engine in one program."}
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetHelpFunc(p.help)
	root.SetHelpCommand(&cobra.Command{Use: "help [command]", Hidden: true, RunE: func(_ *cobra.Command, words []string) error {
		about, _, err := root.Find(words)
		return errors.Join(err, about.Help())
	}})
	p.declare(root, root.PersistentFlags(), reflect.ValueOf(g).Elem())
	root.PersistentFlags().BoolP("help", "h", false, "Show this.")
	p.group(root)
	return root
}

// declare gives a command what the fields of a struct declare.
func (p *parser) declare(c *cobra.Command, flags *pflag.FlagSet, fields reflect.Value) {
	flags.SortFlags = false
	for field, to := range fields.Fields() {
		_, command := field.Tag.Lookup("cmd")
		_, positional := field.Tag.Lookup("arg")
		switch {
		case field.Anonymous:
			p.declare(c, flags, to)
		case command:
			below := p.command(field, to)
			c.AddCommand(below)
			p.commands[c] = append(p.commands[c], below)
		case positional:
			_, optional := field.Tag.Lookup("optional")
			p.arguments[c] = append(p.arguments[c], argument{valueOf(field, to), nameOf(field), field.Tag.Get("help"), optional})
		default:
			addFlag(flags, field, to)
		}
	}
}

func (p *parser) command(field reflect.StructField, to reflect.Value) *cobra.Command {
	c := &cobra.Command{Use: nameOf(field), Short: field.Tag.Get("help")}
	p.declare(c, c.Flags(), to)
	if c.HasSubCommands() {
		p.group(c)
		return c
	}
	for _, a := range p.arguments[c] {
		c.Use += " " + a.shown()
		if len(a.enum) > 0 && len(p.arguments[c]) == 1 {
			c.ValidArgs = a.enum
		}
	}
	c.Use += " [flags]"
	c.Args = func(_ *cobra.Command, given []string) error { return take(p.arguments[c], given) }
	c.RunE = func(*cobra.Command, []string) error {
		p.selected = to.Addr().Interface()
		return exclusive(c.Flags())
	}
	return c
}

// group makes a command that only has others: to call it alone is an error that names them.
func (p *parser) group(c *cobra.Command) {
	c.Use += " <command> [flags]"
	c.SuggestionsMinimumDistance = 2
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(_ *cobra.Command, given []string) error {
		if len(given) == 0 {
			var names []string
			for _, below := range p.commands[c] {
				names = append(names, below.Name())
			}
			return fmt.Errorf("a command is missing: %s", strings.Join(names, ", "))
		}
		near := ""
		if names := c.SuggestionsFor(given[0]); len(names) > 0 {
			near = "; did you mean " + strings.Join(names, " or ") + "?"
		}
		return fmt.Errorf("there is no command %q%s", given[0], near)
	}
}

// take gives the arguments their values.
func take(arguments []argument, given []string) error {
	for _, a := range arguments {
		if len(given) == 0 {
			if a.optional {
				continue
			}
			return fmt.Errorf("%s is missing", a.shown())
		}
		if err := a.Set(given[0]); err != nil {
			return fmt.Errorf("%s: %w", a.shown(), err)
		}
		given = given[1:]
	}
	if len(given) > 0 {
		return fmt.Errorf("there is one argument too many: %q", given[0])
	}
	return nil
}

// shown is an argument as usage lines show it.
func (a argument) shown() string {
	if a.optional {
		return "[<" + a.name + ">]"
	}
	return "<" + a.name + ">"
}

// xor is the annotation of a flag that excludes others.
const xor = "xor"

func addFlag(flags *pflag.FlagSet, field reflect.StructField, to reflect.Value) {
	v := valueOf(field, to)
	f := flags.VarPF(&v, nameOf(field), "", field.Tag.Get("help"))
	if others, ok := field.Tag.Lookup(xor); ok {
		f.Annotations = map[string][]string{xor: {others}}
	}
	if !v.isBool() {
		return
	}
	f.NoOptDefVal = "true"
	if _, ok := field.Tag.Lookup("negatable"); ok {
		opposite := flags.VarPF(&value{to: to, negated: true}, "no-"+f.Name, "", "The opposite of --"+f.Name+".")
		opposite.NoOptDefVal = "true"
	}
}

// exclusive refuses two flags of which a command line may have one.
func exclusive(flags *pflag.FlagSet) (err error) {
	first := map[string]string{}
	flags.Visit(func(f *pflag.Flag) {
		for _, group := range f.Annotations[xor] {
			if other := first[group]; other != "" {
				err = errors.New("--" + other + " and --" + f.Name + " exclude each other; give one of them")
			}
			first[group] = f.Name
		}
	})
	return err
}

// nameOf is the name in its tag, or else the field's in lower case with hyphens: AccessToken is access-token.
func nameOf(field reflect.StructField) string {
	if name := field.Tag.Get("name"); name != "" {
		return name
	}
	letters := []rune(field.Name)
	var name []rune
	for i, r := range letters {
		begins := i > 0 && unicode.IsUpper(r) &&
			(!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if begins {
			name = append(name, '-')
		}
		name = append(name, unicode.ToLower(r))
	}
	return string(name)
}

func valueOf(field reflect.StructField, to reflect.Value) value {
	v := value{to: to, placeholder: field.Tag.Get("placeholder")}
	if words, ok := field.Tag.Lookup("enum"); ok {
		v.enum = strings.Split(words, ",")
	}
	if text := field.Tag.Get("default"); text != "" {
		_ = assign(to, text) // a test holds that every default can be read
		v.byDefault = text
	}
	if v.placeholder == "" {
		v.placeholder = strings.Join(slices.DeleteFunc(slices.Clone(v.enum), func(s string) bool { return s == "" }), "|")
	}
	return v
}
