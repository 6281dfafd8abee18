package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cli"
)

// declared is a command as the grammar declares it.
type declared struct {
	words            []string
	arguments, flags []reflect.StructField
}

// declarations reads the grammar once more, by itself.
func declarations(t reflect.Type, words ...string) (all []declared) {
	d := declared{words: words}
	leaf := true
	var read func(reflect.Type)
	read = func(t reflect.Type) {
		for f := range t.Fields() {
			_, command := f.Tag.Lookup("cmd")
			_, argument := f.Tag.Lookup("arg")
			switch {
			case f.Anonymous:
				read(f.Type)
			case command:
				leaf = false
				all = append(all, declarations(f.Type, append(slices.Clone(words), called(f))...)...)
			case argument:
				d.arguments = append(d.arguments, f)
			default:
				d.flags = append(d.flags, f)
			}
		}
	}
	read(t)
	if leaf {
		all = append(all, d)
	}
	return all
}

func called(f reflect.StructField) string {
	if name := f.Tag.Get("name"); name != "" {
		return name
	}
	return strings.ToLower(regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`).ReplaceAllString(f.Name, "$1$3-$2$4"))
}

func (d declared) String() string { return strings.Join(d.words, " ") }

func run(t testing.TB, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(context.Background(), args, cli.Process{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir(), Now: time.Now,
	})
	return code, stdout.String(), stderr.String()
}

// TestHelp: the help of every command names its arguments in their order and all its flags, and explains them.
func TestHelp(t *testing.T) {
	t.Parallel()
	all := declarations(cli.Grammar())
	if len(all) < 120 {
		t.Fatalf("only %d commands", len(all))
	}
	for _, d := range all {
		code, out, errOut := run(t, append(slices.Clone(d.words), "--help")...)
		if code != 0 || errOut != "" {
			t.Errorf("%s --help: exit %d, %s", d, code, errOut)
		}
		usage := "Usage: cardea " + d.String()
		for _, a := range d.arguments {
			name := "<" + called(a) + ">"
			if !strings.Contains(out, "\n  "+name+" ") {
				t.Errorf("%s --help does not explain %s", d, name)
			}
			if _, optional := a.Tag.Lookup("optional"); optional {
				name = "[" + name + "]"
			}
			usage += " " + name
		}
		if line, _, _ := strings.Cut(out, "\n"); line != usage+" [flags]" {
			t.Errorf("%q, want %q", line, usage)
		}
		words := strings.Join(strings.Fields(out), " ")
		for _, f := range d.flags {
			names := []string{"--" + called(f)}
			if _, ok := f.Tag.Lookup("negatable"); ok {
				names = append(names, "--no-"+called(f))
			}
			for _, name := range names {
				if !regexp.MustCompile(`(?m)^      ` + name + `( |$)`).MatchString(out) {
					t.Errorf("%s --help lacks %s", d, name)
				}
			}
			if !strings.Contains(words, f.Tag.Get("placeholder")+" "+f.Tag.Get("help")) {
				t.Errorf("%s --help does not explain --%s", d, called(f))
			}
		}
		for line := range strings.SplitSeq(out, "\n") {
			if len([]rune(line)) > 80 && !strings.HasPrefix(line, "Usage: ") || strings.TrimRight(line, " ") != line {
				t.Errorf("%s --help: a line is too long or ends in blanks: %q", d, line)
			}
		}
	}
}

// sample is a text that a field can be set to.
func sample(f reflect.StructField) string {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case f.Tag.Get("default") != "":
		return f.Tag.Get("default")
	case f.Tag.Get("enum") != "":
		return f.Tag.Get("enum")[strings.LastIndex(f.Tag.Get("enum"), ",")+1:]
	case t == reflect.TypeFor[time.Duration]():
		return "90s"
	case t == reflect.TypeFor[time.Time]():
		return "2026-01-31T12:00:00Z"
	case t.Kind() == reflect.Map:
		return "name=value=more"
	case t.Kind() == reflect.Bool:
		return "true"
	}
	return "7"
}

// TestEveryCommand: every command can be called with all that it declares, with each default as value too,
// and without any of its flags; and no flag of its own has the name of one that every command has.
func TestEveryCommand(t *testing.T) {
	t.Parallel()
	everywhere := []string{"help"}
	for f := range cli.Grammar().Field(0).Type.Fields() {
		everywhere = append(everywhere, called(f))
	}
	for _, d := range declarations(cli.Grammar()) {
		short, long := slices.Clone(d.words), []string{"--tenant", "acme"}
		long = append(long, d.words...)
		groups := map[string]bool{}
		for _, f := range d.flags {
			if slices.Contains(everywhere, called(f)) {
				t.Errorf("%s: --%s is a flag of every command", d, called(f))
			}
			if x := f.Tag.Get("xor"); x == "" || !groups[x] {
				long, groups[x] = append(long, "--"+called(f)+"="+sample(f)), true
			}
		}
		for _, a := range d.arguments {
			long = append(long, sample(a))
			if _, optional := a.Tag.Lookup("optional"); !optional {
				short = append(short, sample(a))
			}
		}
		for _, args := range [][]string{short, long} {
			command, _, err := cli.Parse(args, t.Output(), t.Output())
			if err != nil || command == nil {
				t.Errorf("%q: %v", args, err)
			}
		}
	}
}

// TestParsed: what a command line means.
func TestParsed(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"user add a@b.example":                                         `{"Email":"a@b.example","Name":"","PasswordStdin":false,"HashStdin":false,"Verified":false,"Admin":false}`,
		"user add --verified a@b.example --name=Ada --admin":           `{"Email":"a@b.example","Name":"Ada","PasswordStdin":false,"HashStdin":false,"Verified":true,"Admin":true}`,
		"--data user user show --json u1":                              `{"User":"u1"}`,
		"user --data user show u1":                                     `{"User":"u1"}`,
		"user show -- --u1":                                            `{"User":"--u1"}`,
		"role create add --permission a,b --permission c":              `{"Name":"add","Permission":["a,b","c"],"Inherits":null,"Description":""}`,
		"org update o1":                                                `{"Org":"o1","Name":null,"Domain":null,"Disable":false,"Enable":false}`,
		"org update o1 --name= --disable=false":                        `{"Org":"o1","Name":"","Domain":null,"Disable":false,"Enable":false}`,
		"authz plan set doc --relation read=viewer --relation write==": `{"Type":"doc","Roles":false,"Policies":null,"Store":"","Points":null,"Relation":{"read":"viewer","write":"="}}`,
		"audit count":                                                  `{"For":86400000000000}`,
		"audit count --for 90m":                                        `{"For":5400000000000}`,
		"authz log set 0.25":                                           `{"Share":0.25,"Days":7}`,
		"authz point set p --rego v0 --query q --ca f":                 `{"Name":"p","URL":"","Description":"","Timeout":1000000000,"CA":"f","Rego":"v0","Query":"q","CredentialStdin":false,"NoCredential":false}`,
	} {
		command, _, err := cli.Parse(strings.Fields(line), io.Discard, io.Discard)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		got, err := json.Marshal(command)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	for line, want := range map[string]string{"tenant set": "null", "tenant set --sign-up-closed": "true", "tenant set --no-sign-up-closed": "false",
		"tenant set --sign-up-closed=false": "false", "tenant set --sign-up-closed --no-sign-up-closed": "false", "tenant set --no-sign-up-closed=false": "true"} {
		command, _, err := cli.Parse(strings.Fields(line), io.Discard, io.Discard)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got, _ := json.Marshal(command); !strings.Contains(string(got), `"SignUpClosed":`+want+",") {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	_, global, err := cli.Parse([]string{"version", "--tenant=a", "--tenant", "b", "--json", "--dev=false"}, io.Discard, io.Discard)
	if got, _ := json.Marshal(global); err != nil || string(got) != `{"Data":"","Config":"","Database":"","Dev":false,"Tenant":"b","JSON":true}` {
		t.Errorf("%s, %v", got, err)
	}
}

// TestExitStatus: what cannot be understood ends with 2 and says what to do; help ends with 0.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                                       "a command is missing: serve, setup-link, user, | Try cardea --help.",
		"--json":                                 "a command is missing | Try cardea --help.",
		"user":                                   "a command is missing: add, list, show, update, | Try cardea user --help.",
		"authz store":                            "a command is missing: create, list, show, rename, delete | Try cardea authz store --help.",
		"fly":                                    `there is no command "fly" | Try cardea --help.`,
		"usr list":                               `there is no command "usr"; did you mean user? | Try cardea --help.`,
		"user ad x":                              `there is no command "ad"; did you mean add? | Try cardea user --help.`,
		"user --verified add a@b":                "unknown flag: --verified | Try cardea user --help.",
		"user add":                               "<email> is missing | Try cardea user add --help.",
		"check a b":                              "<resource> is missing | Try cardea check --help.",
		"user add a b":                           `there is one argument too many: "b" | Try cardea user add --help.`,
		"version x":                              `there is one argument too many: "x"`,
		"user add a --nmae x":                    "unknown flag: --nmae | Try cardea user add --help.",
		"user add a -n x":                        "unknown shorthand flag: 'n'",
		"serve --redirect x":                     "unknown flag: --redirect",
		"user add a --name":                      "flag needs an argument: --name",
		"serve --data":                           "flag needs an argument: --data",
		"app create x --type boat":               `"boat" for "--type" flag: must be one of web, spa, native, service`,
		"app create x --type=":                   "must be one of web, spa, native, service",
		"completion tcsh":                        "<shell>: must be one of bash, zsh, fish, powershell",
		"completion":                             "<shell> is missing",
		"audit list --limit x":                   "must be a whole number",
		"audit list --limit 1.5":                 "must be a whole number",
		"audit list --since yesterday":           "must be a time like 2026-",
		"audit count --for 3":                    "must be a span of time like 90s",
		"authz log set half":                     "<share>: must be a number",
		"user add a --admin=perhaps":             "must be true or false",
		"tenant set --no-sign-up-closed=perhaps": "must be true or false",
		"authz plan set doc --relation read":     "must be like NAME=VALUE",
		"authz plan set doc --relation =viewer":  "must be like NAME=VALUE",
		"user add a --password-stdin --hash-stdin": "--password-stdin and --hash-stdin exclude each other; give one of them | Try cardea user add --help.",
		"org update o --enable --disable":          "--enable and --disable exclude each other",
		"--org x":                                  "unknown flag: --org | Try cardea --help.",
	} {
		code, out, errOut := run(t, strings.Fields(line)...)
		if code != 2 || out != "" || !strings.HasPrefix(errOut, "cardea: ") {
			t.Errorf("%q: exit %d, %q, %q", line, code, out, errOut)
		}
		for part := range strings.SplitSeq(want, " | ") {
			if !strings.Contains(errOut, part) {
				t.Errorf("%q: %q lacks %q", line, errOut, part)
			}
		}
	}
	for line, want := range map[string]string{
		"--help": "Usage: cardea <command> [flags]\n", "-h": "  user        Accounts of people.\n", "user --help": "  user consent list    List what",
		"help": "Usage: cardea <command> [flags]\n", "help user add": "Usage: cardea user add <email> [flags]\n", "user add --help": "Usage: cardea user add <email> [flags]\n",
		"user -h add": "Usage: cardea user add <email> [flags]\n", "--tenant x user add --name y --help": "Usage: cardea user add <email> [flags]\n",
		"version": "cardea ", "--json version": `{"`, "version --json": `{"`,
	} {
		code, out, errOut := run(t, strings.Fields(line)...)
		if code != 0 || errOut != "" || !strings.Contains(out, want) {
			t.Errorf("%q: exit %d, %q, %q", line, code, out, errOut)
		}
	}
}

// TestCompletion: a script for each shell, and what it asks the program.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for shell, want := range map[string]string{
		"bash": "complete -o default -F __start_cardea cardea", "zsh": "#compdef cardea", "fish": "complete -c cardea", "powershell": "Register-ArgumentCompleter",
	} {
		if code, out, errOut := run(t, "completion", shell); code != 0 || errOut != "" || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d, %s, no %s in %d bytes", shell, code, errOut, want, len(out))
		}
	}
	for line, want := range map[string]string{
		"user con":            "consent\tWhat a person has allowed applications.",
		"user consent ":       "list\tList what a person has allowed applications.\nrevoke\t",
		"user add --ver":      "--verified\tYou answer for the address: no mail is needed.",
		"completion ":         "bash\nzsh\nfish\npowershell\n",
		"authz store list --": "--tenant\tThe tenant that the command is about.",
	} {
		words := strings.Split(line, " ")
		if code, out, _ := run(t, append([]string{"__complete"}, words...)...); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s<TAB>: exit %d, %q", line, code, out)
		}
	}
}

// TestParseTogether: the server reads many command lines at a time.
func TestParseTogether(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var out, errOut bytes.Buffer
			command, _, err := cli.Parse([]string{"user", "show", "u1"}, &out, &errOut)
			_, _, bad := cli.Parse([]string{"user", "shwo"}, &out, &errOut)
			if command == nil || err != nil || bad == nil || out.Len()+errOut.Len() > 0 {
				t.Errorf("%v, %v, %v, %q, %q", command, err, bad, &out, &errOut)
			}
		})
	}
	all.Wait()
}
