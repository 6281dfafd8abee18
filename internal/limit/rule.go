package limit

import (
	"fmt"
	"time"
)

// exactUpTo is the largest Count that is kept as a list of times.
const exactUpTo = 32

// Rule allows Count uses in any Per. The zero Rule allows everything.
//
// Up to 32 the promise is exact: never more than Count in any period of length Per, wherever it
// begins. Above, Count is a burst that refills evenly over Per (GCRA), so that up to twice Count can
// fall into one period; the counter is then two words instead of a list.
type Rule struct {
	Count int
	Per   time.Duration // whole milliseconds
}

// On reports whether the rule limits anything.
func (r Rule) On() bool { return r.Count > 0 && r.Per > 0 }

// times is the same rule for n times as many.
func (r Rule) times(n int) Rule { return Rule{Count: r.Count * n, Per: r.Per} }

// among is what the rule leaves to each of n nodes that count for themselves, at least one use.
func (r Rule) among(n int) Rule { return Rule{Count: (r.Count + n - 1) / n, Per: r.Per} }

// Exact reports whether uses are kept as a list of times.
func (r Rule) Exact() bool { return r.Count <= exactUpTo }

// Interval is the time in which one use of a rule that is not exact refills.
func (r Rule) Interval() time.Duration { return time.Duration(r.interval()) * time.Microsecond }

func (r Rule) interval() int64 { return max(1, r.Per.Milliseconds()*1000/int64(r.Count)) }

// Rules are the limits of one intent. A zero Rule does not limit.
type Rules struct {
	Pair    Rule `yaml:"pair"`    // per account and address together
	Address Rule `yaml:"address"` // per IPv4 address or IPv6 /64; sixteen times as much per IPv6 /48
	Account Rule `yaml:"account"` // per account
	Client  Rule `yaml:"client"`  // per client
	Tenant  Rule `yaml:"tenant"`  // per tenant: a cap on what strangers can make it cost
}

// Policy is the limits of all intents.
type Policy struct {
	SignIn     Rules `yaml:"sign_in"`
	Credential Rules `yaml:"credential"`
	SignUp     Rules `yaml:"sign_up"`
	Reset      Rules `yaml:"reset"`
	SendMail   Rules `yaml:"send_mail"`
	Token      Rules `yaml:"token"`
	API        Rules `yaml:"api"`
}

// Defaults are the limits of a server whose operator has said nothing. The token endpoint and the
// API have no volume limit: an honest back end calls them as often as it needs, and a dishonest one
// is stopped by the count of refused credentials.
func Defaults() Policy {
	const ten, hour = 10 * time.Minute, time.Hour
	return Policy{
		SignIn:     Rules{Pair: Rule{5, ten}, Address: Rule{100, ten}, Account: Rule{30, ten}},
		Credential: Rules{Address: Rule{300, time.Minute}},
		SignUp:     Rules{Address: Rule{20, hour}, Tenant: Rule{1000, hour}},
		Reset:      Rules{Address: Rule{20, hour}, Account: Rule{3, hour}, Tenant: Rule{1000, hour}},
		SendMail:   Rules{Address: Rule{20, hour}, Account: Rule{5, hour}, Tenant: Rule{2000, hour}},
	}
}

// Of is the rules of one intent.
func (p Policy) Of(i Intent) Rules {
	switch i {
	case SignIn:
		return p.SignIn
	case Credential:
		return p.Credential
	case SignUp:
		return p.SignUp
	case Reset:
		return p.Reset
	case SendMail:
		return p.SendMail
	case Token:
		return p.Token
	case API:
		return p.API
	}
	return Rules{}
}

// applied is one rule of an intent with what it counts by. Its texts are made once.
type applied struct {
	part         part
	rule         Rule
	name, policy string
}

// list is the rules that limit something, the narrowest first.
func (r Rules) list(i Intent) []*applied {
	var out []*applied
	for _, x := range [...]applied{
		{part: byPair, rule: r.Pair}, {part: byAddress, rule: r.Address}, {part: byNetwork, rule: r.Address.times(networkFactor)},
		{part: byAccount, rule: r.Account}, {part: byClient, rule: r.Client}, {part: byTenant, rule: r.Tenant},
	} {
		if x.rule.On() {
			x.name = i.String() + "-" + x.part.String()
			x.policy = fmt.Sprintf("%q;q=%d;w=%d", x.name, x.rule.Count, Seconds(x.rule.Per))
			out = append(out, &x)
		}
	}
	return out
}

// Seconds is a duration in whole seconds, rounded up, as headers count it.
func Seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// networkFactor is how much more an IPv6 /48 may do than one /64 of its 65,536.
const networkFactor = 16

// Check refuses a policy that cannot be meant: a half-filled or negative rule, or no limit at all on
// guessing passwords, which would be a default that nobody asked for.
func (p Policy) Check() error {
	for i := SignIn; i <= API; i++ {
		r := p.Of(i)
		for _, x := range [...]struct {
			name string
			rule Rule
		}{{"pair", r.Pair}, {"address", r.Address}, {"account", r.Account}, {"client", r.Client}, {"tenant", r.Tenant}} {
			if err := x.rule.check(); err != nil {
				return fmt.Errorf("limit %s by %s: %w", i, x.name, err)
			}
		}
	}
	if !p.SignIn.Pair.On() && !p.SignIn.Account.On() {
		return fmt.Errorf("limit sign_in: without a limit by pair or by account passwords can be guessed at full speed")
	}
	return nil
}

func (r Rule) check() error {
	switch {
	case r == Rule{}:
		return nil
	case r.Count <= 0 || r.Per <= 0:
		return fmt.Errorf("count and period must both be positive, or both be left out")
	case r.Per%time.Millisecond != 0:
		return fmt.Errorf("the period must be whole milliseconds")
	case r.Count > 1_000_000_000 || r.Per > 31*24*time.Hour:
		return fmt.Errorf("count must be at most 1000000000 and the period at most 31 days")
	}
	return nil
}
