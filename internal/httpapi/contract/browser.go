package contract

import (
	"github.com/cardea-auth/cardea/internal/httpapi/browser"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

// FlowStart begins a flow; see browser.Start.
type FlowStart struct {
	Kind     string `json:"kind,omitzero" enum:"sign_in,step_up,sign_up,recover,verify_email,unlock,set_up" doc:"needed unless request says it"`
	Request  string `json:"request,omitzero" max:"4096" doc:"handle of an authorization request"`
	ReturnTo string `json:"return_to,omitzero" max:"2048" doc:"path on this server to go on to"`
	Hint     string `json:"login_hint,omitzero" max:"254"`
}

// FlowState is what a client sees of a flow; see browser.Flow.
type FlowState struct {
	Kind     string     `json:"kind"`
	Steps    []FlowStep `json:"steps,omitzero" doc:"what may be done now"`
	Notice   string     `json:"notice,omitzero" doc:"what to tell the person, such as mail_sent"`
	Done     bool       `json:"done"`
	ReturnTo string     `json:"return_to,omitzero"`
	User     string     `json:"user,omitzero" doc:"who has signed in, when done"`
	CSRF     string     `json:"csrf_token,omitzero" doc:"to be repeated in X-CSRF-Token with the next write"`
}

// FlowStep is a step that may be taken now; see flow.View.
type FlowStep struct {
	Step   string      `json:"step"`
	Fields []FlowField `json:"fields,omitzero"`
}

// FlowField is one input of a step; see flow.Field.
type FlowField struct {
	Name         string `json:"name"`
	Type         string `json:"type" enum:"text,email,password"`
	Autocomplete string `json:"autocomplete,omitzero"`
	Required     bool   `json:"required,omitzero"`
	Value        string `json:"value,omitzero" doc:"a proposal"`
}

func browserRoutes() map[string]description {
	const flows, sessions = "Flows", "Session"
	return map[string]description{
		"flow.start": endpoint[struct {
			Body FlowStart `body:"json"`
		}, FlowState](says{group: flows, summary: "Begin to sign in, to sign up, to recover an account",
			details: "Sets the cookie that holds the flow; a flow is good for 30 minutes"}),
		"flow.show": endpoint[rest.None, FlowState](says{group: flows, summary: "Show where a flow stands"}),
		"flow.submit": endpoint[struct {
			Step string            `path:"step" max:"64"`
			Body map[string]string `body:"json" doc:"the fields of the step"`
		}, FlowState](says{group: flows, summary: "Take a step of a flow",
			details: "When done, the answer sets the session cookie"}),
		"session.show": endpoint[rest.None, browser.Me](says{group: sessions, summary: "Say who is signed in"}),
		"session.token": endpoint[rest.None, Tokens](says{group: sessions, summary: "Exchange the session cookie for a short access token",
			details: "For the pages of this server, which keep it in memory and use it for /api"}),
		"session.end": endpoint[rest.None, rest.None](says{group: sessions, summary: "Sign out", status: 204}),
	}
}
