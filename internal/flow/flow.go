package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Kind is what a flow is for.
type Kind string

// The kinds of flow.
const (
	SignIn      Kind = "sign_in"
	StepUp      Kind = "step_up" // prove again, or more, in a session that exists
	SignUp      Kind = "sign_up"
	Recover     Kind = "recover"      // a forgotten password
	VerifyEmail Kind = "verify_email" // also the confirmation of a changed address
	Unlock      Kind = "unlock"
	SetUp       Kind = "set_up" // the first administrator
)

// Valid reports whether k is a kind of flow.
func (k Kind) Valid() bool {
	return slices.Contains([]Kind{SignIn, StepUp, SignUp, Recover, VerifyEmail, Unlock, SetUp}, k)
}

// Life of a flow, from its start.
const Life = 30 * time.Minute

// Proof is something that has been proved in a flow.
type Proof struct {
	Method   string          `json:"method"` // value for amr (RFC 8176): pwd, otp, hwk …; mail and link are ours
	User     string          `json:"user,omitzero"`
	At       time.Time       `json:"at"`
	Strength access.Strength `json:"strength"`
}

// State is where a flow stands. Steps read it; only the machine changes it.
type State struct {
	Kind     Kind              `json:"kind"`
	Tenant   id.Tenant         `json:"tenant"`
	ReturnTo string            `json:"return_to,omitzero"` // path on this server to go on to; checked by the door
	Client   string            `json:"client,omitzero"`    // for which application, if any
	Hint     string            `json:"hint,omitzero"`      // login_hint
	Want     Want              `json:"want,omitzero"`
	Started  time.Time         `json:"started"`
	User     string            `json:"user,omitzero"` // whom the proofs are about
	Proofs   []Proof           `json:"proofs,omitzero"`
	Memo     map[string]string `json:"memo,omitzero"` // what steps want to remember; never a secret
}

// Want is what an application asked for (OpenID Connect Core, section 3.1.2.1).
type Want struct {
	Strength access.Strength `json:"strength,omitzero"` // from acr_values
	MaxAge   int64           `json:"max_age,omitzero"`  // seconds
	Fresh    bool            `json:"fresh,omitzero"`    // prompt=login
}

// Has reports whether the flow holds a proof by method.
func (s State) Has(method string) bool {
	return slices.ContainsFunc(s.Proofs, func(p Proof) bool { return p.Method == method })
}

// Strength is the strength of all proofs together: two different factors make TwoFactors.
func (s State) Strength() access.Strength {
	best, factors := access.NoProof, map[string]bool{}
	for _, p := range s.Proofs {
		best = max(best, p.Strength)
		if p.Strength >= access.OneFactor {
			factors[p.Method] = true
		}
	}
	if best == access.OneFactor && len(factors) > 1 {
		return access.TwoFactors
	}
	return best
}

// View is what a page or a head-less client shows of a step.
type View struct {
	Step   string  `json:"step"`
	Fields []Field `json:"fields,omitempty"`
}

// Field is one input of a step.
type Field struct {
	Name         string `json:"name"`
	Type         string `json:"type"` // text | email | password
	Autocomplete string `json:"autocomplete,omitempty"`
	Required     bool   `json:"required,omitempty"`
	Value        string `json:"value,omitempty"` // a proposal, e.g. from login_hint
}

// Input is what somebody entered. It prints as its field names only.
type Input struct{ values map[string]string }

// NewInput makes an Input of values.
func NewInput(values map[string]string) Input { return Input{values: values} }

// Text is the value of a field that is not secret.
func (i Input) Text(name string) string { return i.values[name] }

// Secret is the value of a secret field.
func (i Input) Secret(name string) secret.Value { return secret.New(i.values[name]) }

// Names are the names of the fields that were filled in, sorted.
func (i Input) Names() []string {
	names := make([]string, 0, len(i.values))
	for n := range i.values {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Format shows no values.
func (i Input) Format(s fmt.State, _ rune) { fmt.Fprint(s, "input", i.Names()) }

// Step is one way to prove something. It must not import another step.
type Step interface {
	// Name is the step's name in the API: password, sign_up, link.
	Name() string
	// Offer says whether the step may be taken now and what to show. It must not write.
	Offer(context.Context, State) (View, bool, error)
	// Submit checks the input. A returned error means that nothing happened and nothing is
	// written; what was tried and failed is an Outcome with a Refusal.
	Submit(context.Context, access.Caller, State, Input) (Outcome, error)
}

// Prover is a Step by which a person can prove itself when signing in.
type Prover interface {
	// Proves is the strongest proof that the step gives; who and when are empty.
	Proves() Proof
}

// Strongest is how strongly somebody can be proved who takes every one of steps.
func Strongest(steps []Step) access.Strength {
	var all State
	for _, s := range steps {
		if p, ok := s.(Prover); ok {
			all.Proofs = append(all.Proofs, p.Proves())
		}
	}
	return all.Strength()
}

// Outcome is what a step proposes.
type Outcome struct {
	User    string            // whom the proof is about; must not differ from an earlier proof's
	Proofs  []Proof           // what was proved; none if Refusal is set
	Memo    map[string]string // to remember
	Notice  string            // what to tell: mail_sent; the flow then waits for a link
	Refusal error             // what was tried and failed; Change is written all the same

	// Change says what belongs to the batch. It is called at the commit, and again if a document
	// was changed meanwhile, so it must read what it counts. Nil means nothing.
	Change func(context.Context) (Change, error)
	// Settled is called once when the outcome was committed or given up. Nil means nothing.
	Settled func()
}

// Change is a part of a batch, with the action that permits it.
type Change struct {
	Action access.Action // an open action, see access.RuleOf
	Object access.Object
	Batch  store.Batch // without permit
}

// Completed is a flow in which everything needed has been proved. Only a Machine makes one.
type Completed struct{ state State }

// Kind is what the flow was for.
func (c Completed) Kind() Kind { return c.state.Kind }

// Tenant is the tenant of the flow.
func (c Completed) Tenant() id.Tenant { return c.state.Tenant }

// User is whom the proofs are about, or the account that an earlier finisher opened.
func (c Completed) User() string { return c.state.User }

// Client is the application for which the flow ran, if any.
func (c Completed) Client() string { return c.state.Client }

// Proofs are the proofs of the flow, oldest first.
func (c Completed) Proofs() []Proof { return slices.Clone(c.state.Proofs) }

// Strength is the strength of all proofs together.
func (c Completed) Strength() access.Strength { return c.state.Strength() }

// Memo is what a step remembered under name.
func (c Completed) Memo(name string) string { return c.state.Memo[name] }

// Valid reports whether a Machine made c.
func (c Completed) Valid() bool { return c.state.Kind != "" }

// Finisher contributes to the one batch that ends a flow. It is called at the commit and again on a
// conflict, so it must read what it changes.
type Finisher func(context.Context, access.Caller, Completed) (Contribution, error)

// Contribution is what a Finisher adds.
type Contribution struct {
	Change Change
	User   string // the account it opened, for the finishers after it
	Result Result // members that are set replace earlier ones
}

// Result is what the browser gets at the end of a flow.
type Result struct {
	User    string
	Session secret.Value // the new session's token
	Expires time.Time    // of the session
	Device  secret.Value // a token by which this device is known from now on
	Notice  string       // what to tell: password_changed, email_verified
}
