package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/config"
)

// problems are those of err, a line each, or nothing.
func problems(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	p, ok := errors.AsType[config.Problems](err)
	if !ok {
		t.Fatalf("not Problems: %v", err)
	}
	var lines []string
	for _, x := range p {
		lines = append(lines, x.String())
	}
	return strings.Join(lines, "\n")
}

// write puts text into a new file with the given mode.
func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	for _, p := range config.Profiles() {
		for _, dev := range []bool{false, true} {
			c := config.Defaults(p, dev)
			if got := c.Validate(); len(got) > 0 {
				t.Errorf("%s, dev %t: %v", p, dev, got)
			}
		}
	}
	c, err := config.Load(config.Options{})
	if err != nil || !reflect.DeepEqual(c.Bare(), config.Defaults(config.Business, false)) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestProfileAndDevChangeDefaults(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]config.Options{
		"flags": {Flags: map[string]string{"profile": "high_assurance", "dev": "true"}},
		"env":   {Env: []string{"CARDEA_PROFILE=high_assurance", "CARDEA_DEV=true"}},
		"file":  {File: write(t, "c.yaml", "dev: true\nprofile: high_assurance\n", 0o644)},
	} {
		c, err := config.Load(o)
		if err != nil || !reflect.DeepEqual(c.Bare(), config.Defaults(config.HighAssurance, true)) || c.Data.Dir != "cardea-dev" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	c, err := config.Parse(config.Options{}, "profile: high_assurance\ntokens:\n  refresh_grace: 5s\n")
	if err != nil || c.Tokens.RefreshGrace.String() != "5s" || c.Tokens.AccessLife.String() != "5m" {
		t.Errorf("a value beside a profile: %+v, %v", c.Tokens, err)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	t.Parallel()
	file := write(t, "cardea.yaml", "log:\n  level: debug\n  format: json\nsessions:\n  limit: 3\nserver:\n  hosts: [a.example, b.example]\n", 0o644)
	c, err := config.Load(config.Options{
		File: file, Env: []string{"CARDEA_LOG_FORMAT=text", "CARDEA_SESSIONS_LIMIT=4", "CARDEA_SERVER_HOSTS=c.example, d.example", "HOME=/root"},
		Flags: map[string]string{"sessions.limit": "5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.Log, c.Sessions.Limit, c.Server.Hosts)
	if got != "{debug text} 5 [c.example d.example]" {
		t.Error(got)
	}
	for key, want := range map[string]string{
		"log.level": "cardea.yaml:2", "log.format": "CARDEA_LOG_FORMAT", "sessions.limit": "--sessions.limit",
		"server.hosts": "CARDEA_SERVER_HOSTS", "sessions.idle": "",
	} {
		if got := c.OriginOf(key); got != want {
			t.Errorf("%s comes from %q, want %q", key, got, want)
		}
	}
}

func TestYAMLProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, want string }{
		"empty":              {"", ""},
		"comments":           {"# nothing\n---\n", ""},
		"empty section":      {"server:\n  # listen: x\nlog:\n", ""},
		"unknown":            {"servr:\n  listen: x\n", "config:1: servr: there is no such setting; did you mean server?"},
		"unknown below":      {"server:\n  listen: 127.0.0.1:1\n  isuer: x\n", "config:3: server.isuer: there is no such setting; did you mean issuer?"},
		"nothing alike":      {"completely_else: 1\n", "config:1: completely_else: there is no such setting"},
		"dotted":             {"server.listen: 127.0.0.1:1\n", "config:1: server.listen: there is no such setting"},
		"other case":         {"Server:\n  listen: 127.0.0.1:1\n", "config:1: Server: there is no such setting; did you mean server?"},
		"twice":              {"log:\n  level: info\n  level: debug\n", "config:3: log.level: stands in line 2 already"},
		"section twice":      {"log:\n  level: info\nlog:\n  level: debug\n", "config:3: log: stands in line 1 already"},
		"empty text":         {"data:\n  dir: \"\"\n", "config:2: data.dir: is empty; leave it out, or write text (a number or a date in quotes) in one line"},
		"no value":           {"data:\n  dir:\n", "config:2: data.dir: is empty; leave it out, or write text (a number or a date in quotes) in one line"},
		"tilde":              {"log:\n  level: ~\n", "config:2: log.level: is empty; leave it out, or write debug, info, warn or error"},
		"list without value": {"server:\n  hosts:\n", "config:2: server.hosts: is empty; leave it out, or write a list; each entry a host name in lower case or an IP address, without a port"},
		"number as text":     {"mail:\n  product: 42\n", "config:2: mail.product: must be text (a number or a date in quotes) in one line"},
		"text as number":     {"sessions:\n  limit: \"3\"\n", "config:2: sessions.limit: must be a whole number"},
		"octal":              {"sessions:\n  limit: 0o17\n", "config:2: sessions.limit: must be a whole number"},
		"hexadecimal":        {"sessions:\n  limit: 0x11\n", "config:2: sessions.limit: must be a whole number"},
		"text as bool":       {"dev: \"true\"\n", "config:1: dev: must be true or false"},
		"yes":                {"dev: yes\n", "config:1: dev: must be true or false"},
		"bool as text":       {"mail:\n  product: true\n", "config:2: mail.product: must be text (a number or a date in quotes) in one line"},
		"time without unit":  {"sessions:\n  idle: 30\n", "config:2: sessions.idle: must be a time like 500ms, 10m, 24h or 30d"},
		"section as text":    {"server: x\n", "config:1: server: must be a section with listen, management, issuer, tls, trusted_proxies, proxies_send_certificates, hosts, insecure_cookies, drain"},
		"section as list":    {"log: []\n", "config:1: log: must be a section with level, format"},
		"text as section":    {"data:\n  dir: {a: b}\n", "config:2: data.dir: must be text (a number or a date in quotes) in one line"},
		"text as list":       {"server:\n  hosts: a.example\n", "config:2: server.hosts: must be a list; each entry a host name in lower case or an IP address, without a port"},
		"bad entry":          {"server:\n  hosts:\n    - a.example\n    - A.example\n", "config:4: server.hosts.1: must be a host name in lower case or an IP address, without a port"},
		"network":            {"server:\n  trusted_proxies: [10.0.0.1/24]\n", "config:2: server.trusted_proxies.0: must be a network like 10.0.3.0/24, with zeros after its prefix"},
		"rule":               {"egress:\n  allow: [mail=10.0.0.0/8]\n", "config:2: egress.allow.0: must be purpose=network like smtp=10.1.2.0/24, with a known purpose and no wider than /8 or, for IPv6, /7"},
		"control character":  {"mail:\n  product: \"a\\nb\"\n", "config:2: mail.product: must be text (a number or a date in quotes) in one line"},
		"secret":             {"mail:\n  smtp:\n    password: hunter2\n", "config:3: mail.smtp.password: a secret does not stand in this file, which gets copied; put it into a file of its own and name it with password_file, or set CARDEA_MAIL_SMTP_PASSWORD"},
		"secret file number": {"master_key_file: 1\n", "config:1: master_key: must be the path of a file"},
		"alias":              {"log: &a\n  level: info\nserver: *a\n", "config:3: server: aliases and tags are not used here; write the value itself"},
		"merge":              {"log:\n  <<: {level: info}\n", "config:2: log.<<: there is no such setting"},
		"tag":                {"log:\n  level: !!str info\n", "config:2: log.level: aliases and tags are not used here; write the value itself"},
		"two documents":      {"dev: false\n---\ndev: true\n", "config: holds more than one document"},
		"not YAML":           {"a: [\n", "config: is not YAML: line 1: did not find expected node content"},
		"list at the top":    {"- a\n", "config:1: must be a section with dev, profile, master_key_file, server, data, database, redis, mail, password, lockout, limits, sessions, tokens, egress, authz, audit, log"},
	} {
		_, err := config.Parse(config.Options{File: "config"}, c.source)
		if got := problems(t, err); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// All problems come at once, those that follow from one only once.
func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Parse(config.Options{
		File: "config", Env: []string{"CARDEA_LOG_LEVEL=loud", "CARDEA_LOCKOUT_FREE=0"}, Flags: map[string]string{"server.listne": "x"},
	}, "server:\n  issuer: http://id.example.com\n  x: 1\nsessions:\n  idle: soon\n")
	want := strings.Join([]string{
		"config:3: server.x: there is no such setting",
		"config:5: sessions.idle: must be a time like 500ms, 10m, 24h or 30d",
		"CARDEA_LOG_LEVEL: log.level: must be debug, info, warn or error",
		"--server.listne: server.listne: there is no such setting; did you mean server.listen?",
		"config:2: server.issuer: must be https: over http everybody on the way can read passwords and tokens; only http://localhost is accepted",
		"CARDEA_LOCKOUT_FREE: lockout.free: must lie between 1 and 100",
	}, "\n")
	if diff := cmp.Diff(want, problems(t, err)); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(err.Error(), "the configuration has 6 problems:\n  ") {
		t.Error(err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789abcdef"
	c, err := config.Parse(config.Options{Env: []string{
		"CARDEA_SERVER_TRUSTED_PROXIES=127.0.0.1/32,10.0.3.0/24", "CARDEA_SERVER_ISSUER=https://id.example.com",
		"CARDEA_EGRESS_ALLOW=smtp=10.0.0.0/8", "CARDEA_MASTER_KEY=cdm_x", "CARDEA_PASSWORD_PEPPER=b",
		"CARDEA_PASSWORD_PEPPERS_0_ID=a", "CARDEA_PASSWORD_PEPPERS_0_KEY=" + key, "CARDEA_PASSWORD_PEPPERS_1_ID=b", "CARDEA_PASSWORD_PEPPERS_1_KEY=" + key,
		// what Kubernetes adds beside services called cardea and cardea-db, and what tests use
		"CARDEA_SERVICE_HOST=10.96.0.1", "CARDEA_SERVICE_PORT=8420", "CARDEA_SERVICE_PORT_HTTP=8420", "CARDEA_PORT=tcp://10.96.0.1:8420",
		"CARDEA_PORT_8420_TCP=tcp://10.96.0.1:8420", "CARDEA_PORT_8420_TCP_PROTO=tcp", "CARDEA_PORT_8420_TCP_PORT=8420",
		"CARDEA_PORT_8420_TCP_ADDR=10.96.0.1", "CARDEA_DB_SERVICE_HOST=10.96.0.2", "CARDEA_DB_PORT=tcp://10.96.0.2:5432",
		"CARDEA_TEST_MONGO_URI=mongodb://x", "CARDEAX=1", "cardea_log_level=x",
	}}, "password:\n  pepper: z\n  peppers:\n    - id: z\n")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(c.Server.TrustedProxies, c.Server.Issuer, c.Egress.Allow, c.MasterKey.Reveal(), len(c.Password.Peppers), c.Password.Peppers[1].ID, c.Password.Peppers[1].Key.Reveal())
	if want := "[127.0.0.1/32 10.0.3.0/24] https://id.example.com [{smtp 10.0.0.0/8}] cdm_x 2 b " + key + "\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestEnvironmentProblems(t *testing.T) {
	t.Parallel()
	for pair, want := range map[string]string{
		"CARDEA_PORT=8420":               "CARDEA_PORT: there is no setting of that name",
		"CARDEA_LOG_LEVL=info":           "CARDEA_LOG_LEVL: there is no setting of that name; did you mean CARDEA_LOG_LEVEL?",
		"CARDEA_LOG_LEVEL=":              "CARDEA_LOG_LEVEL: log.level: is empty; leave it out, or write debug, info, warn or error",
		"CARDEA_DEV=1":                   "CARDEA_DEV: dev: must be true or false",
		"CARDEA_SESSIONS_LIMIT= 3":       "CARDEA_SESSIONS_LIMIT: sessions.limit: must be a whole number",
		"CARDEA_SESSIONS_LIMIT=03":       "CARDEA_SESSIONS_LIMIT: sessions.limit: must be a whole number",
		"CARDEA_SESSIONS_LIMIT=+3":       "CARDEA_SESSIONS_LIMIT: sessions.limit: must be a whole number",
		"CARDEA_SERVER_HOSTS=a,,b":       "CARDEA_SERVER_HOSTS: server.hosts: must be a list; each entry a host name in lower case or an IP address, without a port",
		"CARDEA_MASTER_KEY=":             "CARDEA_MASTER_KEY: master_key: is empty; leave it out, or write text (a number or a date in quotes) in one line",
		"CARDEA_MASTER_KEY_FILE=":        "CARDEA_MASTER_KEY_FILE: master_key: is empty; leave it out, or name a file",
		"CARDEA_MASTER_KEY_FILE=/none":   "CARDEA_MASTER_KEY_FILE: master_key: /none cannot be read: no such file or directory",
		"CARDEA_SERVER=x":                "CARDEA_SERVER: there is no setting of that name",
		"CARDEA_PASSWORD_PEPPERS=x":      "CARDEA_PASSWORD_PEPPERS: there is no setting of that name; did you mean CARDEA_PASSWORD_PEPPER?",
		"CARDEA_PASSWORD_PEPPERS_1_ID=x": "CARDEA_PASSWORD_PEPPERS_1_ID: there is no setting of that name; did you mean CARDEA_PASSWORD_PEPPERS_0_ID?",
	} {
		_, err := config.Parse(config.Options{Env: []string{pair}}, "")
		if got := problems(t, err); got != want {
			t.Errorf("%s:\n got %s\nwant %s", pair, got, want)
		}
	}
	_, err := config.Parse(config.Options{Env: []string{"CARDEA_MASTER_KEY=a", "CARDEA_MASTER_KEY_FILE=/b"}}, "")
	if got := problems(t, err); got != "CARDEA_MASTER_KEY: master_key: is set, and CARDEA_MASTER_KEY_FILE too; leave one out" {
		t.Error(got)
	}
}

func TestFlagProblems(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"mail.smtp.password":      "--mail.smtp.password: mail.smtp.password: a secret on the command line can be seen by others on this machine; name a file with --mail.smtp.password_file",
		"mail.smtp.password_file": "--mail.smtp.password_file: mail.smtp.password: x cannot be read: no such file or directory",
		"server":                  "--server: server: there is no such setting",
		"server.listen.x":         "--server.listen.x: server.listen.x: there is no such setting; did you mean server.listen?",
		"password.peppers":        "--password.peppers: password.peppers: there is no such setting; did you mean password.pepper?",
		"":                        "--: there is no such setting",
	} {
		_, err := config.Parse(config.Options{Flags: map[string]string{flag: "x"}}, "")
		if got, _, _ := strings.Cut(problems(t, err), "\n"); got != want {
			t.Errorf("--%s:\n got %s\nwant %s", flag, got, want)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	const key = "cdm_0123456789"
	for text, want := range map[string]string{key: key, key + "\n": key, key + "\r\n": key, " x ": " x "} {
		c, err := config.Parse(config.Options{}, "master_key_file: "+write(t, "key", text, 0o640)+"\n")
		if err != nil || c.MasterKey.Reveal() != want {
			t.Errorf("%q becomes %q, %v", text, c.MasterKey.Reveal(), err)
		}
	}
	for name, c := range map[string]struct{ path, want string }{
		"readable":  {write(t, "key", key, 0o604), "may be read or written by everybody (mode 0604); run chmod 600 on it, or mount it with mode 0400"},
		"writable":  {write(t, "key", key, 0o602), "may be read or written by everybody (mode 0602)"},
		"empty":     {write(t, "key", "\n", 0o600), "is empty, or holds more than one line of text"},
		"lines":     {write(t, "key", "a\nb\n", 0o600), "is empty, or holds more than one line of text"},
		"binary":    {write(t, "key", "\xff\x00", 0o600), "is empty, or holds more than one line of text"},
		"large":     {write(t, "key", strings.Repeat("x", 65<<10), 0o600), "is larger than 65536 bytes and so no secret"},
		"directory": {t.TempDir(), "is a directory"},
		"missing":   {"/does/not/exist", "cannot be read: no such file or directory"},
	} {
		_, err := config.Parse(config.Options{Env: []string{"CARDEA_MASTER_KEY_FILE=" + c.path}}, "")
		if got := problems(t, err); !strings.Contains(got, c.want) || strings.Contains(got, key) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestLoadFile(t *testing.T) {
	t.Parallel()
	if _, err := config.Load(config.Options{File: "/does/not/exist"}); err == nil || err.Error() != "configuration: /does/not/exist: no such file or directory" {
		t.Error(err)
	}
	large := write(t, "large.yaml", "#"+strings.Repeat("x", 1<<20), 0o644)
	if _, err := config.Load(config.Options{File: large}); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Error(err)
	}
	room := func(c *config.Config) config.Problems {
		return config.Problems{{Key: "lockout.free", Text: "the room does not like it"}, {Key: "log.level", Text: "unheard of"}}
	}
	_, err := config.Load(config.Options{Env: []string{"CARDEA_LOG_LEVEL=x"}, Checks: []func(*config.Config) config.Problems{room}})
	if got := problems(t, err); got != "CARDEA_LOG_LEVEL: log.level: must be debug, info, warn or error\nlockout.free: the room does not like it" {
		t.Error(got)
	}
}

// Row 146: a secret is in no print-out, no problem and no log line.
func TestRegress_146_SecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const canary = "canary-0123456789-0123456789-0123456789"
	c, err := config.Parse(config.Options{Env: []string{
		"CARDEA_MASTER_KEY=" + canary, "CARDEA_MAIL_SMTP_PASSWORD=" + canary,
		"CARDEA_PASSWORD_PEPPERS_0_ID=a", "CARDEA_PASSWORD_PEPPERS_0_KEY=" + canary,
	}}, "mail:\n  from: a@example.com\n  smtp:\n    host: mail.example.com\n    username: u\n")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "%v %+v %#v", c, *c, c.Password)
	if strings.Contains(out.String(), canary) {
		t.Errorf("a secret is shown:\n%s", out.String())
	}
	if got := strings.Count(out.String(), "set, not shown"); got != 3 {
		t.Errorf("%d of 3 secrets are said to be set:\n%s", got, out.String())
	}
	// Every setting, with the secret where it does not belong.
	for _, key := range config.AllKeys() {
		o := config.Options{
			Env: []string{config.Variable(key) + "=" + canary + "\n"}, Flags: map[string]string{strings.TrimSuffix(key, "_file"): canary + "\n"},
		}
		if strings.HasSuffix(key, "_file") {
			o.Env = nil // the path of a file is no secret
		}
		_, err := config.Parse(o, "x: "+canary+"\nmail:\n  smtp:\n    password: "+canary+"\n"+canary+"x: 1\n")
		if got := problems(t, err); strings.Contains(strings.ReplaceAll(got, canary+"x:", ""), canary) {
			t.Errorf("%s: %s", key, got)
		}
	}
}
