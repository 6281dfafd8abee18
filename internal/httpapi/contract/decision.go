package contract

import (
	"github.com/cardea-auth/cardea/internal/httpapi/decision"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

// EvaluationQuestions are several questions at once; see decision.Evaluations.
type EvaluationQuestions struct {
	decision.Evaluation
	Evaluations []decision.Evaluation `json:"evaluations,omitzero" max:"100" doc:"each may leave out what the outer object says for all"`
	Options     EvaluationOptions     `json:"options,omitzero"`
}

// EvaluationOptions say how several questions are answered.
type EvaluationOptions struct {
	Semantic string `json:"evaluations_semantic,omitzero" enum:"execute_all,deny_on_first_deny,permit_on_first_permit"`
}

// EvaluationAnswers are the answers to several questions, in their order.
type EvaluationAnswers struct {
	Evaluations []decision.Answer `json:"evaluations"`
}

// DecisionMetadata tells where the end points are (AuthZEN 1.0, section 9).
type DecisionMetadata struct {
	Point       string `json:"policy_decision_point" format:"uri"`
	Evaluation  string `json:"access_evaluation_endpoint" format:"uri"`
	Evaluations string `json:"access_evaluations_endpoint" format:"uri"`
	Subjects    string `json:"search_subject_endpoint" format:"uri"`
	Resources   string `json:"search_resource_endpoint" format:"uri"`
	Actions     string `json:"search_action_endpoint" format:"uri"`
}

// SearchQuestion leaves one part of a question open; see decision.Search.
type SearchQuestion struct {
	Subject  *SearchEntity  `json:"subject,omitzero"`
	Action   *SearchAction  `json:"action,omitzero"`
	Resource *SearchEntity  `json:"resource,omitzero"`
	Context  map[string]any `json:"context,omitzero"`
	Page     SearchPage     `json:"page,omitzero"`
}

// SearchEntity is a subject or a resource, without an id where it is searched for.
type SearchEntity struct {
	Type       string         `json:"type"`
	ID         string         `json:"id,omitzero"`
	Properties map[string]any `json:"properties,omitzero"`
}

// SearchAction is what would be done.
type SearchAction struct {
	Name       string         `json:"name"`
	Properties map[string]any `json:"properties,omitzero"`
}

// SearchPage asks for a page of results.
type SearchPage struct {
	Token string `json:"token,omitzero" doc:"next_token of the page before"`
	Limit int    `json:"limit,omitzero" min:"1" max:"500"`
}

// FoundPage tells whether there are more.
type FoundPage struct {
	NextToken string `json:"next_token" doc:"empty on the last page"`
	Count     int    `json:"count" doc:"results on this page"`
}

// FoundEntities are subjects or resources that a search has found.
type FoundEntities struct {
	Page    FoundPage              `json:"page"`
	Context *decision.FoundContext `json:"context,omitzero"`
	Results []SearchEntity         `json:"results"`
}

// FoundActions are actions that a search has found.
type FoundActions struct {
	Page    FoundPage      `json:"page"`
	Results []SearchAction `json:"results"`
}

func decisionRoutes() map[string]description {
	const group = "Decisions"
	return map[string]description{
		"decision.evaluate": endpoint[struct {
			Body decision.Evaluation `body:"json"`
		}, decision.Answer](says{group: group, summary: "Ask whether somebody may do something", lax: true,
			details: "AuthZEN 1.0, section 6. A deny is an answer. context.revision asks for an answer that knows of that revision, context.explain for the path that proves it. Members that are not known are ignored"}),
		"decision.evaluate_many": endpoint[struct {
			Body EvaluationQuestions `body:"json"`
		}, EvaluationAnswers](says{group: group, summary: "Ask several questions at once", lax: true, details: "AuthZEN 1.0, section 7. Without evaluations it is a single question with a single answer"}),
		"decision.search_subjects": endpoint[struct {
			Body SearchQuestion `body:"json"`
		}, FoundEntities](says{group: group, summary: "List who may do something to a resource", lax: true,
			details: "AuthZEN 1.0, section 8. subject.type is user or service. The list is complete: follow page.next_token to its end, also over pages that are shorter than their limit"}),
		"decision.search_resources": endpoint[struct {
			Body SearchQuestion `body:"json"`
		}, FoundEntities](says{group: group, summary: "List the organisations in which a subject may do something", lax: true,
			details: "AuthZEN 1.0, section 8. resource.type is org: other resources are not known here. context.everywhere says that the action is allowed in every organisation, listed or not"}),
		"decision.search_actions": endpoint[struct {
			Body SearchQuestion `body:"json"`
		}, FoundActions](says{group: group, summary: "List what a subject may do to a resource", lax: true, details: "AuthZEN 1.0, section 8"}),
		"decision.metadata": endpoint[rest.None, DecisionMetadata](says{group: group, summary: "Say where decisions are asked for"}),
	}
}
