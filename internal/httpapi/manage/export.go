package manage

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// OwnEvent is something that has happened to an account, as its owner may know it: who else has acted
// is told by kind and not by name, and from where only if it was the owner or a stranger.
type OwnEvent struct {
	ID        string            `json:"id"`
	Kind      string            `json:"kind" doc:"noun.verb in the past, such as session.started"`
	At        time.Time         `json:"at"`
	By        string            `json:"by" enum:"you,stranger,administrator,system"`
	Address   string            `json:"address,omitzero"`
	UserAgent string            `json:"user_agent,omitzero"`
	Device    string            `json:"device,omitzero" doc:"the browser in words"`
	Client    string            `json:"client,omitzero" doc:"the application through which it was done"`
	Session   string            `json:"session,omitzero"`
	Facts     map[string]string `json:"facts,omitzero"`
}

func showOwnEvent(person string) func(*audit.Event) OwnEvent {
	return func(e *audit.Event) OwnEvent {
		own := OwnEvent{ID: e.ID, Kind: e.Kind, At: e.At, By: "administrator", Client: e.Client, Facts: e.Public}
		switch {
		case e.ActorID == person:
			own.By = "you"
		case e.ActorID == "":
			own.By = "stranger"
		case e.ActorType == access.TypeSystem:
			own.By = "system"
		}
		if own.By == "you" {
			own.Session = e.Session
		}
		own.Address, own.UserAgent = e.Personal["address"], e.Personal["user_agent"]
		own.Device = identity.DeviceWords(own.UserAgent)
		return own
	}
}

// Device is a browser on which somebody has signed in before.
type Device struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until" doc:"it is forgotten then"`
}

// Export is all that is stored about a person, secrets and their hashes aside.
type Export struct {
	User     User         `json:"user"`
	Roles    []Assignment `json:"roles"`
	Sessions []Session    `json:"sessions"`
	Orgs     []Member     `json:"orgs"`
	Consents []Consent    `json:"consents"`
	APIKeys  []APIKey     `json:"apikeys"`
	Devices  []Device     `json:"devices" doc:"browsers that are known as the account's own"`
	Events   []OwnEvent   `json:"events" doc:"newest first"`
	Cut      bool         `json:"cut,omitzero" doc:"there are more events: the newest 10,000 are here"`
}

// maxExported bounds each list of an export.
const maxExported = 10_000

// Export puts together all that is stored about a person. Each room asks its own guard: an administrator needs the permission
// to read each part.
func (a *API) Export(ctx context.Context, c access.Caller, person string) (Export, error) {
	u, err := a.Accounts.Export(ctx, c, person)
	if err != nil {
		return Export{}, err
	}
	out := Export{User: showUser(u)}
	owner := access.User(person)
	for _, part := range []func() error{
		func() error {
			all, err := a.rolesOf(ctx, c, owner)
			out.Roles = all.Items
			return err
		},
		func() error {
			live, err := a.Sessions.List(ctx, c, person)
			all, err := collect(live, err, showSession(c))
			out.Sessions = all.Items
			return err
		},
		func() (err error) {
			out.Orgs, _, err = pages(showMember, func(r page.Request) (page.Page[*tenant.Member], error) { return a.Organisations.Of(ctx, c, person, r) })
			return err
		},
		func() (err error) {
			out.Consents, _, err = pages(showConsent, func(r page.Request) (page.Page[*consent.Consent], error) { return a.Consents.List(ctx, c, person, r) })
			return err
		},
		func() (err error) {
			out.APIKeys, _, err = pages(showAPIKey, func(r page.Request) (page.Page[*apikey.Key], error) { return a.APIKeys.List(ctx, c, owner, r) })
			return err
		},
		func() (err error) {
			out.Devices, _, err = pages(func(d identity.Device) Device { return Device(d) }, func(r page.Request) (page.Page[identity.Device], error) { return a.Accounts.Devices(ctx, c, person, r) })
			return err
		},
		func() (err error) {
			out.Events, out.Cut, err = pages(showOwnEvent(person), func(r page.Request) (page.Page[*audit.Event], error) { return a.Audit.OfPerson(ctx, c, person, r) })
			return err
		},
	} {
		if err := part(); err != nil {
			return Export{}, err
		}
	}
	return out, nil
}

// pages reads all pages of a list, up to maxExported items, and reports whether there are more.
func pages[A, B any](show func(A) B, list func(page.Request) (page.Page[A], error)) (all []B, cut bool, err error) {
	all = []B{}
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := list(r)
		if err != nil {
			return nil, false, err
		}
		for _, item := range p.Items {
			all = append(all, show(item))
		}
		if r.Cursor = p.Next; r.Cursor == "" || len(all) >= maxExported {
			return all, r.Cursor != "", nil
		}
	}
}
