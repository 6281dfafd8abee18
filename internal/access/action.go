package access

// Action names something that can be done, as noun.verb: user.disable. It is the same word in Go,
// in the API's 403, in the audit log and in the permissions of Cardea's own administrators.
type Action string

// Rule says under which conditions an action is allowed besides a decision of the engine.
type Rule struct {
	// Own allows the action on an object that belongs to the caller.
	Own bool
	// Open allows the action to anybody: the proof is the artefact that the request carries (a
	// password, a code, a mailed link), and the domain checks it.
	Open bool
	// Routine marks work that happens all the time and changes nothing a person would look for in
	// the audit log; only such an action may be committed without an event.
	Routine bool
	// Fresh demands that a person proved itself within FreshFor.
	Fresh bool
	// Takes marks what puts its caller into the place of the object's owner, or of the client that the
	// object is: whoever has less power over Cardea itself than that subject may not, even with the
	// permission.
	Takes bool
	// Near says that the decision may rest on the roles that this node has heard of, without asking the
	// store for newer ones: for what applications do thousands of times a second. Within a node nothing
	// is lost by it; another node hears of a change a moment later.
	Near bool
	// Scope is a scope that covers the action besides ScopeAdmin; empty is none.
	Scope string
	// Words says what the action does, for pages and for the reference.
	Words string
}

// The scopes that a bearer token or an API key needs for actions on Cardea itself.
const (
	ScopeAccount = "cardea:account" // what a user may do to its own account
	ScopeAdmin   = "cardea:admin"   // what an administrator may do; each call is still decided
	ScopeAuthz   = "cardea:authz"   // what an application does in its stores of relation tuples; each call is still decided
)

// RuleOf is the rule of action a. An action that is not in the table may only be decided by the
// engine: the zero Rule opens nothing.
func RuleOf(a Action) Rule { return rules(a) }

// rules is the whole table. It is a switch and not a map so that nothing can change it.
func rules(a Action) Rule {
	if r, ok := ownRules(a); ok {
		return r
	}
	if r, ok := openRules(a); ok {
		return r
	}
	if r, ok := takingRules(a); ok {
		return r
	}
	if r, ok := storeRules(a); ok {
		return r
	}
	return routineRules(a)
}

func ownRules(a Action) (Rule, bool) {
	switch a {
	case "user.read":
		return Rule{Own: true, Words: "read an account"}, true
	case "user.update":
		return Rule{Own: true, Words: "change an account's profile"}, true
	case "user.export":
		return Rule{Own: true, Words: "export all that is stored about an account"}, true
	case "user.delete":
		return Rule{Own: true, Fresh: true, Words: "delete an account"}, true
	case "user.change_email":
		return Rule{Own: true, Fresh: true, Takes: true, Words: "change the e-mail address of an account"}, true
	case "user.change_password":
		return Rule{Own: true, Fresh: true, Words: "change the password of an account"}, true
	case "session.read":
		return Rule{Own: true, Words: "list the sessions of an account"}, true
	case "session.revoke":
		return Rule{Own: true, Words: "end a session"}, true
	case "apikey.read":
		return Rule{Own: true, Words: "list API keys"}, true
	case "apikey.create":
		return Rule{Own: true, Fresh: true, Takes: true, Words: "create an API key"}, true
	case "apikey.revoke":
		return Rule{Own: true, Words: "revoke an API key"}, true
	case "permission.read":
		return Rule{Own: true, Words: "list what a subject may do"}, true
	case "role.read":
		return Rule{Own: true, Words: "read roles, and who has them"}, true
	case "audit.read":
		return Rule{Own: true, Words: "read the audit log"}, true
	case "consent.read":
		return Rule{Own: true, Words: "list what applications were allowed"}, true
	case "consent.revoke":
		return Rule{Own: true, Words: "withdraw what an application was allowed"}, true
	case "consent.grant":
		return Rule{Own: true, Words: "allow an application to act for an account"}, true
	case "member.read":
		return Rule{Own: true, Words: "read a membership of an organisation"}, true
	case "member.leave":
		return Rule{Own: true, Words: "leave an organisation"}, true
	}
	return Rule{}, false
}

func openRules(a Action) (Rule, bool) {
	switch a {
	case "session.start":
		return Rule{Open: true, Words: "sign in"}, true
	case "session.end":
		return Rule{Open: true, Words: "sign out"}, true
	case "signin.fail":
		return Rule{Open: true, Words: "count a failed sign-in"}, true
	case "flow.advance":
		return Rule{Open: true, Routine: true, Words: "go on with a flow"}, true
	case "user.sign_up":
		return Rule{Open: true, Words: "open an account"}, true
	case "user.verify_email":
		return Rule{Open: true, Words: "prove that a mail address is one's own"}, true
	case "user.recover":
		return Rule{Open: true, Words: "ask for a reset of a forgotten password"}, true
	case "user.reset_password":
		return Rule{Open: true, Words: "set a new password with a mailed link"}, true
	case "user.unlock":
		return Rule{Open: true, Words: "lift a lockout with a mailed link"}, true
	case "user.set_up":
		return Rule{Open: true, Words: "become the first administrator with the set-up link"}, true
	case "invitation.accept":
		return Rule{Open: true, Words: "accept an invitation"}, true
	case "invitation.decline":
		return Rule{Open: true, Words: "decline an invitation"}, true
	case "token.issue":
		return Rule{Open: true, Words: "exchange a grant for tokens"}, true
	case "token.revoke":
		return Rule{Open: true, Words: "revoke a token"}, true
	}
	return Rule{}, false
}

// takingRules are for clients: who chooses how a client proves itself, or where its codes go, can be
// that client.
func takingRules(a Action) (Rule, bool) {
	switch a {
	case "client.update":
		return Rule{Takes: true, Words: "change a client"}, true
	case "client.rotate_secret":
		return Rule{Takes: true, Words: "give a client a new secret"}, true
	}
	return Rule{}, false
}

// storeRules are for stores of relation tuples and for policies.
func storeRules(a Action) (Rule, bool) {
	words := ""
	switch a {
	case "authz.check":
		words = "ask who may do what, by the relation tuples of an application"
	case "authz.store.read":
		words = "list stores of relation tuples"
	case "authz.store.create":
		words = "create a store of relation tuples"
	case "authz.store.update":
		words = "rename a store of relation tuples, or pin the model that it uses"
	case "authz.store.delete":
		words = "delete a store of relation tuples"
	case "authz.model.read":
		words = "read models and their assertions"
	case "authz.model.write":
		words = "write models and their assertions"
	case "authz.tuple.read":
		words = "read relation tuples and their changes"
	case "authz.tuple.write":
		words = "write and delete relation tuples"
	case "decision.environment":
		words = "say in a question what time it is, from where the subject comes and how it has signed in"
	case "policy.read":
		words = "read policies and test them"
	case "policy.write":
		words = "write policies, which decide nothing yet"
	case "policy.activate":
		words = "have a version of policies decide, or roll back to an older one"
	case "policy.delete":
		words = "delete policies that no decision plan names"
	default:
		return Rule{}, false
	}
	return Rule{Scope: ScopeAuthz, Near: a == "authz.check" || a == "decision.environment", Words: words}, true
}

func routineRules(a Action) Rule {
	switch a {
	case "token.refresh":
		return Rule{Open: true, Routine: true, Words: "rotate a refresh token"}
	case "code.issue":
		return Rule{Open: true, Routine: true, Words: "hand out an authorization code"}
	case "token.mint":
		return Rule{Open: true, Routine: true, Words: "keep an opaque access token"}
	case "assertion.spend":
		return Rule{Open: true, Routine: true, Words: "remember a client assertion until it expires"}
	case "session.touch":
		return Rule{Open: true, Routine: true, Words: "note the last activity of a session"}
	case "apikey.touch":
		return Rule{Open: true, Routine: true, Words: "note the last use of an API key"}
	case "audit.seal":
		return Rule{Routine: true, Words: "number and seal audit events"}
	case "report.roll_up":
		return Rule{Routine: true, Words: "add to the hourly counters"}
	case "outbox.send":
		return Rule{Routine: true, Words: "send a message of the outbox"}
	case "password.rehash":
		return Rule{Open: true, Routine: true, Words: "replace a weaker password hash by the current kind"}
	case "user.forget":
		return Rule{Routine: true, Words: "forget what is left of a deleted account"}
	case "store.sweep":
		return Rule{Routine: true, Words: "remove what has expired"}
	case "store.seal_key":
		return Rule{Routine: true, Words: "make or retire a data key"}
	case "authz.store.forget":
		return Rule{Routine: true, Words: "forget the models of a deleted store"}
	case "policy.forget":
		return Rule{Routine: true, Words: "forget the versions of a deleted policy set"}
	case "graph.keep":
		return Rule{Routine: true, Words: "note an image of a graph of tuples"}
	case "decision.record":
		return Rule{Routine: true, Words: "keep a decision in the decision log"}
	case "lease.take":
		return Rule{Routine: true, Words: "take a lease on a background task"}
	}
	return Rule{}
}
