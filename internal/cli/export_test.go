package cli

import (
	"io"
	"reflect"
)

// Grammar is the type that declares the command line.
func Grammar() reflect.Type { return reflect.TypeFor[grammar]() }

// Parse reads a command line.
func Parse(args []string, out, errOut io.Writer) (command, global any, err error) {
	var g grammar
	command, err = parse(&g, args, out, errOut)
	return command, g.global, err
}
