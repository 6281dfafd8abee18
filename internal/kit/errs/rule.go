package errs

// Rule names a rule of form that an input breaks. It is stable: programs decide by it, and pages say it in
// the language of the person who reads them. Numbers in a rule are Params.
type Rule string

// The rules. Those of passwords are the reasons of identity/password with password_ in front. What breaks a
// rule that only its sentence tells is Unnamed.
const (
	Unnamed      Rule = "invalid"
	Required     Rule = "required"           // is missing or empty
	Length       Rule = "length"             // min, max: characters
	Items        Rule = "items"              // min, max: entries
	Range        Rule = "range"              // min, max
	Duration     Rule = "duration"           // min, max: seconds
	Control      Rule = "control_characters" // holds some
	OneOf        Rule = "choice"             // is not among what can be chosen
	Pattern      Rule = "pattern"
	MailAddress  Rule = "email"
	MailDomain   Rule = "domain"
	URI          Rule = "uri"
	HTTPS        Rule = "https_uri"
	RedirectURI  Rule = "redirect_uri"
	Origin       Rule = "origin" // as browsers send it (RFC 6454)
	Colour       Rule = "colour" // #rrggbb
	LanguageTag  Rule = "language_tag"
	Identifier   Rule = "identifier"     // min, max: small letters, digits and few signs
	Reserved     Rule = "reserved"       // a name that means something already
	Unknown      Rule = "unknown"        // names something that does not exist
	Circular     Rule = "circular"       // names itself
	WrongCurrent Rule = "wrong_password" // the current password is another one
	NeedsSecret  Rule = "needs_secret"   // the client has none yet
)

// Params are the numbers in a rule, by name.
type Params map[string]int64

// Between are the params of a rule with both bounds.
func Between(least, most int64) Params { return Params{"min": least, "max": most} }

// Breaks names the rule that the one field of e breaks.
func (e *Error) Breaks(r Rule, p Params) *Error {
	e.Fields[0].Rule, e.Fields[0].Params = r, p
	return e
}
