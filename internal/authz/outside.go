package authz

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/point"
)

// errNoPoints says that a plan names what nobody here can ask.
var errNoPoints = errors.New("authz: decision points cannot be asked here")

// askPoints notes what decision points outside say. They are asked last, each in turn, and only where
// nothing else has decided, also if an explanation is wanted: what another engine permits does not hang on
// whether they answer.
func (c *combination) askPoints(ctx context.Context) error {
	for _, name := range c.plan.Points {
		if len(c.forbids)+len(c.failed)+len(c.permits) > 0 {
			return nil
		}
		if c.points == nil {
			return unavailable(errNoPoints)
		}
		answer, err := c.request.Options.among.ask(ctx, c, name)
		engine := enginePoint + name
		if s := c.request.Options.Suppose; s != nil && s.Past != nil {
			c.decision.Basis.Assumed++ // it says what it says today
		}
		switch {
		case err != nil:
			if err := c.fail(ctx, engine, err); err != nil {
				return err
			}
		case answer.Failed != "":
			c.failed = append(c.failed, Reason{Kind: KindFailed, Engine: engine, Text: engine + " could not answer: " + answer.Failed})
		case answer.Permit:
			c.note(true, engine, []Reason{{Kind: kindPoint, Text: fmt.Sprintf("Decision point %s permits it.", name), Values: c.itsWords(answer)}})
		default:
			c.note(false, engine, []Reason{{
				Kind: kindNotGranted, Permission: c.request.Action.Name, Text: fmt.Sprintf("Decision point %s does not permit it.", name),
				Values: c.itsWords(answer),
			}})
		}
	}
	return nil
}

// itsWords is the reason that a point gives. It may tell of accounts, so it is for those who may read them.
func (c *combination) itsWords(a point.Answer) map[string]string {
	if a.Reason == "" || !c.request.Options.Explain || c.request.Options.Hide.Accounts {
		return nil
	}
	return map[string]string{"reason": a.Reason}
}

func (r Request) question() point.Question {
	return point.Question{
		Subject: point.Entity{Type: r.Subject.Type, ID: r.Subject.ID, Properties: r.Subject.Properties}, Resource: point.Entity{Type: r.Resource.Type, ID: r.Resource.ID, Properties: r.Resource.Properties},
		Action: point.Action{Name: r.Action.Name, Properties: r.Action.Properties}, Context: r.Context,
	}
}

// among is where a question stands among those that were asked together. The zero value is a question by
// itself.
type among struct {
	*together
	at    int
	asker access.Caller // of whoever is being answered
}

// together are questions that one asker has asked at once. One goroutine answers them, one after another.
type together struct {
	all     []Request
	answers map[string]map[int]point.Answer // by decision point and place
	failed  map[string]error
}

// Together marks questions as asked at once by the same asker, so that a decision point is asked once for
// all of them. They are then answered one after another.
func Together(rs []Request) []Request {
	t := &together{answers: map[string]map[int]point.Answer{}, failed: map[string]error{}}
	for i := range rs {
		rs[i].Options.among = among{together: t, at: i}
	}
	t.all = slices.Clone(rs)
	return rs
}

// ask puts the question to a point, and with it those after it that go by a plan with that point.
func (a among) ask(ctx context.Context, c *combination, name string) (point.Answer, error) {
	r := c.request
	if a.together == nil {
		answers, err := c.points.Ask(ctx, r.Tenant, name, r.Options.AskedBy, []point.Question{r.question()})
		if err != nil {
			return point.Answer{}, err
		}
		return answers[0], nil
	}
	if answer, ok := a.answers[name][a.at]; ok || a.failed[name] != nil {
		return answer, a.failed[name]
	}
	places, qs := []int{a.at}, []point.Question{r.question()}
	for i := a.at + 1; i < len(a.all); i++ {
		other := a.all[i]
		if err := c.prepare(ctx, a.asker, &other); err != nil {
			continue // it will be refused when its turn comes
		}
		if plan, planned, err := c.planOf(ctx, other); err == nil && planned && slices.Contains(plan.Points, name) {
			places, qs = append(places, i), append(qs, other.question())
		}
	}
	answers, err := c.points.Ask(ctx, r.Tenant, name, r.Options.AskedBy, qs)
	if err != nil {
		a.failed[name] = err
		return point.Answer{}, err
	}
	known := make(map[int]point.Answer, len(places))
	for i, place := range places {
		known[place] = answers[i]
	}
	a.answers[name] = known
	return known[a.at], nil
}
