// Package policy decides by Cedar policies (https://docs.cedarpolicy.com): written by a tenant, kept in
// sets with numbered versions that never change, tested before they are used, and rolled back.
//
//	text.go     policies and schema, read and checked        name.go     our types as Cedar's, and back
//	value.go    JSON as Cedar's values                       entity.go   entities, fetched when asked for
//	question.go a question, and what is around it            judge.go    what policies say to a question
//	set.go      sets: made, listed, deleted                  version.go  versions: written, used, rolled back
//	case.go     what a version is expected to say            diff.go     two versions side by side
//
// What a set says is one of three things: forbid, permit, or nothing. A policy that forbids and cannot
// be evaluated is a failure, which whoever combines engines must take for a deny; one that permits and
// cannot be evaluated permits nothing, and says why.
//
// The texts of policies are code, what a question brings is data: nothing of a question is ever parsed
// as a policy. Evaluation does no input or output but for Facts, and always ends.
package policy
