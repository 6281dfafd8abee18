// Package graph decides who may do what to which object by following relation tuples
// (Zanzibar, USENIX ATC 2019): "user:bob is member of group:eng", "group:eng#member is viewer of
// folder:designs". It is the evaluator of one store and nothing else: it holds the tuples in
// memory, answers questions about them and forgets them when the process ends.
//
//	NewModel(types)            the rules: which relations exist and how one follows from others
//	New(model, limits)         an empty index at revision 0
//	Load, Apply                the whole store at a revision; then every revision after it, in order
//	LoadBoth, Amend            the same with relations whose tuples another store gives
//	View                       one revision, or what it would be after changes (With)
//	WriteImage, LoadImage      a revision as bytes
//	NewPartial, Learn          a store that is larger than memory, read as it is asked
//	Check, CheckBatch          whether a subject has a relation to an object
//	Objects, Subjects, Relations    the one of the three that a question leaves open
//	Expand, WhyNot             why anyone has it, and what would have to change for one who has not
//
// # What a decision means
//
// The answer is membership in the least fixpoint of the model over the tuples that have not
// expired: a cycle of groups proves nothing by itself. Recursion through the subtracted side of an
// exclusion is refused when the model is made, so that fixpoint exists and is unique. Deny is the
// zero value: an unknown object, a failure, an exhausted budget and a cancelled context all deny,
// and the last three say so by an error, never by a "no" that an exclusion could turn into "yes".
// Evaluation is bounded by work and by the context, never by depth.
//
// A tuple may carry a condition, which the graph does not understand but has decided (Conditions).
// One that lacks parameters or fails is neither true nor false: answers are those of Kleene's
// three-valued logic, least in the order no, unknown, yes. An unknown denies and says what is missing,
// or fails as the condition did; it is never subtracted as if it were "no", and where the answer does
// not rest on it nobody hears of it. It follows that giving more can only decide what was unknown.
//
// # How readers and the writer meet
//
// Tuples are integers in two persistent trees, one from the object and one from the subject: a trie over
// the objects, whose numbers are dense, and a B+tree of the tuples of each. Apply copies the few nodes on
// the way to a changed key (about 3 kB a change at 10⁵ tuples and 10 kB at 10⁷, less in a batch) and
// publishes new roots by one atomic store. A reader loads that pointer
// once: it never waits, never makes the writer wait, and sees exactly one revision for as long as
// it keeps its View. A mutex around Go maps would be smaller, but one long listing would then stop
// the writer and, behind it, every other reader.
//
// Names become integers in a table that only grows, shared by all revisions; when more than half
// of it is dead, the next Apply rebuilds the index once (O(store), paid for by as many deletions).
//
// # How a question is answered
//
// A question about (object, relation) is an atom. Atoms are evaluated depth first over frames on
// the heap, with tabling: a "no" or "unknown" that leaned on an atom still in progress is only an
// assumption and is forgotten when such an atom turns out better, or becomes final together with
// the atom that all of them leaned on. Relations that are only unions of direct tuples and used as
// usersets (groups, roles) are answered from the subject's side: the groups of one subject are few,
// the members of one group are many. Which groups a group is nested in is remembered between questions
// (closures) until a tuple from group to group changes. Relations that are only unions, along whatever
// tuplesets (folders), are climbed: objects are visited one after the other, without frames, unless
// something on the way is unknown or a path is wanted.
//
// The package must not know tenants, users, HTTP, storage, caches or policies. A subject is an
// opaque type and id. It imports the standard library and internal/kit only, so that it can be
// embedded, tested and measured alone.
package graph
