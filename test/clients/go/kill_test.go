package clients_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cardea-auth/cardea/test/proof"
)

// fact is something that a writer has written, as it knows it: one state once an answer has come, two
// while nobody can say whether the last request was served.
type fact struct {
	may []string
}

// ask notes that a change to next was sent.
func (f *fact) ask(next string) { f.may = append(f.may, next) }

// answered notes that it was acknowledged.
func (f *fact) answered() { f.may = f.may[len(f.may)-1:] }

// found compares with what is there after the crash, which is what holds from now on.
func (f *fact) found(t *testing.T, what, is string) {
	t.Helper()
	if !slices.Contains(f.may, is) {
		t.Errorf("%s is %q, want %q", what, is, f.may)
	}
	f.may = []string{is}
}

// writer writes one thing after another until the server is gone, and says afterwards what must be there.
// Each belongs to one goroutine.
type writer interface {
	write(k *killing) error
	check(k *killing)
}

// killing is a server that is killed again and again, with those who write.
type killing struct {
	t      *testing.T
	server *server
	party  *party
	boss   *browser // an administrator
	token  string   // of the administrator, new in each round
	round  int
	served atomic.Int64 // writes that were acknowledged
}

// call sends a request to the management API; an error is a server that is not there any more.
func (k *killing) call(method, path, body string, out any) (int, error) {
	var content io.Reader = http.NoBody
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(k.t.Context(), method, k.server.issuer+path, content)
	if err != nil {
		return 0, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+k.token)
	a, err := send(plain, r)
	if err != nil {
		return 0, err
	}
	if a.status >= 500 && a.status != http.StatusServiceUnavailable {
		k.t.Errorf("%s %s: %s", method, path, a)
	}
	if out != nil && a.status < 300 {
		err = json.Unmarshal(a.body, out)
	}
	return a.status, err
}

// accounts opens accounts, gives them a role and deletes some of them again.
type accounts struct {
	name  int
	made  int
	all   map[string]*fact // by id: active, disabled, gone
	given map[string]bool  // to whom a role was given, acknowledged
}

func (w *accounts) write(k *killing) error {
	w.made++
	var u struct{ ID string }
	email := fmt.Sprintf("u%d-%d-%d@kill.example", w.name, k.round, w.made)
	status, err := k.call("POST", "/api/users", `{"email":"`+email+`","email_verified":true}`, &u)
	if err != nil {
		return err
	}
	if status != http.StatusCreated {
		return fmt.Errorf("opening an account: %d", status)
	}
	f := &fact{may: []string{"active"}}
	w.all[u.ID] = f
	if status, err = k.call("POST", "/api/roles/editor/assignments", `{"subject":{"type":"user","id":"`+u.ID+`"}}`, nil); err != nil {
		return err
	}
	w.given[u.ID] = status < 300
	switch w.made % 3 {
	case 0:
		f.ask("gone")
		if _, err = k.call("DELETE", "/api/users/"+u.ID, "", nil); err == nil {
			f.answered()
		}
	case 1:
		f.ask("disabled")
		if _, err = k.call("POST", "/api/users/"+u.ID+"/disable", "", nil); err == nil {
			f.answered()
		}
	}
	return err
}

func (w *accounts) check(k *killing) {
	for id, f := range w.all {
		var u struct{ State string }
		status, err := k.call("GET", "/api/users/"+id, "", &u)
		if err != nil {
			k.t.Fatal(err)
		}
		if status == http.StatusNotFound {
			u.State = "gone"
		}
		f.found(k.t, "the account "+id, u.State)
		var roles struct{ Items []struct{ Role string } }
		if _, err := k.call("GET", "/api/users/"+id+"/roles", "", &roles); err != nil {
			k.t.Fatal(err)
		}
		if u.State == "gone" && len(roles.Items) > 0 {
			k.t.Errorf("the account %s is gone and its roles are there: half a change", id)
		}
		if u.State != "gone" && w.given[id] && len(roles.Items) != 1 {
			k.t.Errorf("the account %s has lost its role", id)
		}
		delete(w.all, id)
	}
}

// toggle turns something on and off again for one of several people.
type toggle struct {
	users   []string
	is      map[string]*fact // by user: on, off
	on, off func(user string) (method, path, body string)
}

func (w *toggle) write(k *killing) error {
	u := w.users[rand.N(len(w.users))]
	f, next, change := w.is[u], "on", w.on
	if f.may[len(f.may)-1] == "on" {
		next, change = "off", w.off
	}
	method, path, body := change(u)
	f.ask(next)
	status, err := k.call(method, path, body, nil)
	if err == nil {
		if f.answered(); status >= 300 {
			return fmt.Errorf("%s %s: %d", method, path, status)
		}
	}
	return err
}

// members lets people join and leave an organisation: a document and a tuple each time.
type members struct {
	toggle
	org string
}

func (w *members) check(k *killing) {
	var list struct{ Items []struct{ User string } }
	if _, err := k.call("GET", "/api/orgs/"+w.org+"/members?limit=500", "", &list); err != nil {
		k.t.Fatal(err)
	}
	for _, u := range w.users {
		is := "off"
		if slices.ContainsFunc(list.Items, func(m struct{ User string }) bool { return m.User == u }) {
			is = "on"
		}
		w.is[u].found(k.t, "the membership of "+u, is)
	}
}

// roles gives a role to people and takes it away: tuples alone.
type roles struct{ toggle }

func (w *roles) check(k *killing) {
	for _, u := range w.users {
		var d struct{ Decision bool }
		ask := `{"subject":{"type":"user","id":"` + u + `"},"action":{"name":"invoice:read"},"resource":{"type":"invoice","id":"1"}}`
		if status, err := k.call("POST", "/access/v1/evaluation", ask, &d); err != nil || status != http.StatusOK {
			k.t.Fatalf("asking: %d, %v", status, err)
		}
		w.is[u].found(k.t, "whether "+u+" may read", map[bool]string{true: "on", false: "off"}[d.Decision])
	}
}

// refresher rotates one refresh token for as long as the server lives.
type refresher struct {
	token   string
	rotated int
}

func (w *refresher) write(k *killing) error {
	got, err := k.party.refresh(k.t, w.token)
	if err == nil {
		w.token, w.rotated = got.RefreshToken, w.rotated+1
	}
	return err
}

// check: the newest token that was answered is good, for the successor that may have been written without
// an answer or for a new one.
func (w *refresher) check(k *killing) {
	got, err := k.party.refresh(k.t, w.token)
	if err != nil {
		k.t.Errorf("a refresh token is lost after %d rotations: %v", w.rotated, err)
		return
	}
	w.token = got.RefreshToken
}

// codes redeems codes, each once.
type codes struct {
	browser *browser
	used    map[string]int // code → answers that gave tokens
}

func (w *codes) write(k *killing) error {
	r := w.browser.request(http.MethodGet, k.party.request(), nil)
	a, err := send(w.browser.http, r)
	if err != nil {
		return err
	}
	code := parameters(k.t, a.header.Get("Location")).Get("code")
	if code == "" {
		return fmt.Errorf("no code: %s %q", a, a.header.Get("Location"))
	}
	w.used[code] = 0
	return w.redeem(k, code)
}

func (w *codes) redeem(k *killing, code string) error {
	_, err := k.party.config.Exchange(k.t.Context(), code, oauth2.VerifierOption(theVerifier))
	switch {
	case err == nil:
		w.used[code]++
	case refusedWith(err, "invalid_grant"):
		err = nil
	}
	return err
}

// check redeems every code of the round twice more: together each was good for one answer at most.
func (w *codes) check(k *killing) {
	for code := range w.used {
		for range 2 {
			if err := w.redeem(k, code); err != nil {
				k.t.Fatal(err)
			}
		}
		if w.used[code] > 1 {
			k.t.Errorf("a code was redeemed %d times", w.used[code])
		}
		delete(w.used, code)
	}
}

// visitor signs in, and signs out again every other time.
type visitor struct {
	email string
	n     int
	all   []*visit
}

type visit struct {
	browser *browser
	fact
}

func (w *visitor) write(k *killing) error {
	b := k.server.browser(k.t, user{email: w.email})
	post := func(method, path string, body any) (answer, error) {
		a, err := send(b.http, b.request(method, path, body))
		for _, line := range a.header["Set-Cookie"] {
			b.keep(line)
		}
		var said struct {
			CSRF string `json:"csrf_token"`
		}
		if json.Unmarshal(a.body, &said) == nil && said.CSRF != "" {
			b.csrf = said.CSRF
		}
		return a, err
	}
	if _, err := post("POST", "/flows", map[string]string{"kind": "sign_in"}); err != nil {
		return err
	}
	a, err := post("POST", "/flow/password", map[string]string{"email": w.email, "password": password})
	if err != nil {
		return err
	}
	if b.session() == "" {
		return fmt.Errorf("signing in: %s", a)
	}
	v := &visit{browser: b, fact: fact{may: []string{"in"}}}
	w.all, w.n = append(w.all, v), w.n+1
	if w.n%2 == 0 {
		return nil
	}
	if _, err := post("GET", "/session", nil); err != nil {
		return err
	}
	v.ask("out")
	if _, err = post("DELETE", "/session", nil); err == nil {
		v.answered()
	}
	return err
}

func (w *visitor) check(k *killing) {
	for _, v := range w.all {
		is := "out"
		if v.browser.session() != "" && v.browser.me().Authenticated {
			is = "in"
		}
		v.found(k.t, "a session of "+w.email, is)
	}
	w.all = nil
}

// killRounds is how often the server is killed.
func killRounds(t *testing.T) int {
	if proof.Long() {
		return 25 * proof.Rounds(t, 1)
	}
	if n, err := strconv.Atoi(os.Getenv("CARDEA_TEST_KILLS")); err == nil {
		return n
	}
	if testing.Short() {
		return 5
	}
	return 100
}

// TestKilledAgainAndAgain kills the server with SIGKILL at random moments of mixed writes, a hundred times.
// After each, what was acknowledged is there, no change is there by half, nothing that is good once was
// good twice, and the audit log verifies.
func TestKilledAgainAndAgain(t *testing.T) {
	s := startServer(t, launch{env: []string{"CARDEA_PASSWORD_ARGON2_MEMORY=7MiB", "CARDEA_PASSWORD_ARGON2_PASSES=5"}})
	k := &killing{t: t, server: s}
	u := s.addUser(t, "boss@kill.example")
	s.cli(t, "role", "assign", "cardea:admin", u.email)
	s.cli(t, "role", "create", "editor", "--permission", "invoice:write")
	s.cli(t, "role", "create", "viewer", "--permission", "invoice:read")
	k.boss = s.browser(t, u).signIn()
	k.renew()
	k.party = s.newParty(t, s.addApp(t, "web", append(scopes("openid"), "--first-party")...), "openid")
	writers := k.writers()
	kills := killRounds(t)
	for k.round = 1; k.round <= kills && !t.Failed(); k.round++ {
		var (
			working sync.WaitGroup
			killed  atomic.Bool
		)
		for _, w := range writers {
			working.Go(func() {
				for !killed.Load() { // the next server may be there before somebody has asked the one that is gone
					if err := w.write(k); err != nil {
						return // the server is gone, or check will say what is wrong
					}
					k.served.Add(1)
				}
			})
		}
		<-time.After(time.Duration(rand.N(150)) * time.Millisecond) // of work
		s.crash(t)
		killed.Store(true)
		working.Wait()
		k.renew()
		for _, w := range writers {
			w.check(k)
		}
		if k.round%10 == 0 || k.round == kills {
			k.checkHalves()
		}
		if out := s.cli(t, "audit", "verify"); !strings.HasPrefix(out, "ok") {
			t.Errorf("round %d: audit verify: %s", k.round, out)
		}
	}
	k.checkEvents()
	proof.Figures(t, "kills", k.round-1, "rounds of work acknowledged between them", k.served.Load())
	if k.served.Load() < int64(kills) {
		t.Error("hardly anything was written")
	}
}

// writers are those who write, with what they need.
func (k *killing) writers() []writer {
	s, t := k.server, k.t
	people := func(prefix string) toggle {
		of := toggle{is: map[string]*fact{}}
		for i := range 4 {
			id := s.addUser(t, fmt.Sprintf("%s%d@kill.example", prefix, i)).id
			of.users, of.is[id] = append(of.users, id), &fact{may: []string{"off"}}
		}
		return of
	}
	var org struct{ ID string }
	s.ask(t, &org, "org", "add", "Killed")
	join, read := &members{people("member"), org.ID}, &roles{people("reader")}
	at := "/api/orgs/" + org.ID + "/members"
	join.on = func(u string) (string, string, string) { return "POST", at, `{"user":"` + u + `"}` }
	join.off = func(u string) (string, string, string) { return "DELETE", at + "/" + u, "" }
	const given = "/api/roles/viewer/assignments"
	read.on = func(u string) (string, string, string) {
		return "POST", given, `{"subject":{"type":"user","id":"` + u + `"}}`
	}
	read.off = func(u string) (string, string, string) {
		return "DELETE", given + "?subject_type=user&subject_id=" + u, ""
	}
	u := s.addUser(t, "owner@kill.example")
	out := []writer{
		join, read,
		&codes{s.browser(t, u).signIn(), map[string]int{}},
		&visitor{email: s.addUser(t, "visitor@kill.example").email},
	}
	for i := range 2 {
		out = append(out, &accounts{name: i, all: map[string]*fact{}, given: map[string]bool{}})
		out = append(out, &refresher{token: k.party.login(s.browser(t, u)).RefreshToken})
	}
	return out
}

// renew gets the administrator a new token.
func (k *killing) renew() {
	k.t.Helper()
	var got struct {
		Token string `json:"access_token"`
	}
	k.boss.get("/session")
	k.boss.post("/session/token", nil).read(k.t, &got)
	if k.token = got.Token; k.token == "" {
		k.t.Fatal("the administrator's session is lost")
	}
}

// checkHalves: whoever is a member by document is one by tuple, and nobody else is; and no tuple is about
// an account that is gone.
func (k *killing) checkHalves() {
	k.t.Helper()
	members, users, joined := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(k.server.exported(k.t)) {
		var l struct {
			Doc *struct {
				Collection, ID string
			}
			Tuple *struct {
				Tenant   string
				Object   [2]string
				Relation string
				Subject  [3]string
			}
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			k.t.Fatal(err)
		}
		switch {
		case l.Doc != nil && l.Doc.Collection == "member":
			members[l.Doc.ID] = true
		case l.Doc != nil && l.Doc.Collection == "user":
			users[l.Doc.ID] = true
		case l.Tuple != nil && l.Tuple.Object[0] == "org" && l.Tuple.Relation == "member":
			joined[l.Tuple.Object[1]+"/"+l.Tuple.Subject[1]] = true
		case l.Tuple != nil && l.Tuple.Subject[0] == "user" && l.Tuple.Tenant == k.server.tenant:
			if !users[l.Tuple.Subject[1]] {
				k.t.Errorf("the account %s is gone and has %v: half a change", l.Tuple.Subject[1], l.Tuple)
			}
		}
	}
	for m := range joined {
		if !members[m] {
			k.t.Errorf("%s is a member by tuple and not by document: half a change", m)
		}
		delete(members, m)
	}
	for m := range members {
		k.t.Errorf("%s is a member by document and not by tuple: half a change", m)
	}
}

// checkEvents: there is an account or its deletion for each event of an opened one, and no account
// without its event.
func (k *killing) checkEvents() {
	k.t.Helper()
	events := map[string]int{}
	for _, kind := range []string{"user.created", "user.deleted"} {
		for cursor := ""; ; {
			var p struct {
				Items []struct {
					Object struct{ ID string }
				}
				Next string
			}
			if _, err := k.call("GET", "/api/audit/events?limit=500&kind="+kind+"&cursor="+cursor, "", &p); err != nil {
				k.t.Fatal(err)
			}
			for _, e := range p.Items {
				events[kind+" "+e.Object.ID]++
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
	}
	there := 0
	for cursor := ""; ; {
		var p struct {
			Items []struct{ ID string }
			Next  string
		}
		if _, err := k.call("GET", "/api/users?limit=500&cursor="+cursor, "", &p); err != nil {
			k.t.Fatal(err)
		}
		for _, u := range p.Items {
			if there++; events["user.created "+u.ID] != 1 || events["user.deleted "+u.ID] != 0 {
				k.t.Errorf("the account %s has %d events of its opening and %d of its end", u.ID, events["user.created "+u.ID], events["user.deleted "+u.ID])
			}
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	opened, ended := 0, 0
	for name := range events {
		if strings.HasPrefix(name, "user.created ") {
			opened++
		} else {
			ended++
		}
	}
	if there != opened-ended || there < 10 {
		k.t.Errorf("%d accounts are there, %d were opened and %d deleted", there, opened, ended)
	}
}
