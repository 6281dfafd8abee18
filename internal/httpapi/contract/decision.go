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
		"decision.metadata": endpoint[rest.None, DecisionMetadata](says{group: group, summary: "Say where decisions are asked for"}),
	}
}
