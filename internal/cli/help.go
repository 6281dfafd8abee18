package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	helpWidth  = 80
	helpColumn = 32 // what is longer has its explanation below it
)

// help prints what a command does and takes.
func (p *parser) help(c *cobra.Command, _ []string) {
	w := c.OutOrStdout()
	fmt.Fprintf(w, "Usage: %s\n\n%s\n", c.UseLine(), wrapped(c.Short, helpWidth, ""))
	var arguments [][2]string
	for _, a := range p.arguments[c] {
		arguments = append(arguments, [2]string{"<" + a.name + ">", explained(a.help, &a.value)})
	}
	section(w, "Arguments", arguments)
	everywhere := c.Root().PersistentFlags()
	section(w, "Commands", p.commandRows(c))
	section(w, "Flags", flagRows(c.Flags(), func(f *pflag.Flag) bool { return everywhere.Lookup(f.Name) == nil }))
	section(w, "Flags of every command", flagRows(everywhere, func(*pflag.Flag) bool { return true }))
	if c.HasSubCommands() {
		fmt.Fprintf(w, "\n%s <command> --help says more about a command.\n", c.CommandPath())
	}
}

// commandRows are the commands that can be called below c; below the program itself its groups, which
// fit on a screen.
func (p *parser) commandRows(c *cobra.Command) (rows [][2]string) {
	for _, below := range p.commands[c] {
		if c.HasParent() && below.HasSubCommands() {
			rows = append(rows, p.commandRows(below)...)
			continue
		}
		rows = append(rows, [2]string{strings.TrimPrefix(below.CommandPath(), c.Root().Name()+" "), below.Short})
	}
	return rows
}

func flagRows(flags *pflag.FlagSet, which func(*pflag.Flag) bool) (rows [][2]string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if !which(f) {
			return
		}
		name, help := "    --"+f.Name, f.Usage
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if v, ok := f.Value.(*value); ok {
			name, help = strings.TrimRight(name+" "+v.Type(), " "), explained(help, v)
		}
		rows = append(rows, [2]string{name, help})
	})
	return rows
}

// explained adds the values that can be given and the one that counts else.
func explained(help string, v *value) string {
	if v.byDefault != "" && v.byDefault != "0s" {
		help += " Default: " + v.byDefault + "."
	}
	return help
}

// section prints names and their explanations in two columns.
func section(w io.Writer, title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	column := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r[0]) + 4; n <= helpColumn {
			column = max(column, n)
		}
	}
	indent := strings.Repeat(" ", column)
	fmt.Fprintf(w, "\n%s:\n", title)
	for _, r := range rows {
		name := fmt.Sprintf("%-*s", column, "  "+r[0])
		if utf8.RuneCountInString(r[0])+4 > column {
			name = strings.TrimRight(name, " ") + "\n" + indent
		}
		fmt.Fprintln(w, name+wrapped(r[1], helpWidth-column, indent))
	}
}

// wrapped breaks text into lines of a width; all but the first begin with indent.
func wrapped(text string, width int, indent string) string {
	var lines []string
	line := ""
	for _, word := range slices.Collect(strings.FieldsSeq(text)) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, line), "\n"+indent)
}
