package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Reason is why a password was refused or is weak. It is stable: user interfaces translate it. An
// error's code is the reason with "password_" in front.
type Reason string

// The reasons. The first nine refuse a password; Common, Personal and those that follow explain a
// low Strength.
const (
	ReasonTooShort  Reason = "too_short"
	ReasonTooLong   Reason = "too_long"
	ReasonCharacter Reason = "bad_character"
	ReasonLower     Reason = "needs_lower"
	ReasonUpper     Reason = "needs_upper"
	ReasonDigit     Reason = "needs_digit"
	ReasonSymbol    Reason = "needs_symbol"
	ReasonCommon    Reason = "common"
	ReasonPersonal  Reason = "personal"
	ReasonSequence  Reason = "sequence" // abcd, 4321, qwerty
	ReasonRepeat    Reason = "repeat"   // aaaa, abcabc
	ReasonDate      Reason = "date"     // a year
	ReasonSimple    Reason = "simple"   // too short for how plain it is
)

// Least lengths, in code points (NIST SP 800-63B-4, section 3.1.1.2).
const (
	MinLength      = 8
	MinLengthAlone = 15 // where the password is the only factor
)

// Classes are kinds of character that a Policy may require. NIST and OWASP advise against it; it is
// here for those who must.
type Classes uint8

// The kinds. A symbol is anything that is neither letter nor digit.
const (
	Lower Classes = 1 << iota
	Upper
	Digit
	Symbol
)

// Policy is what a new password must meet. The zero value is the recommended one. Existing passwords
// are never checked against it.
type Policy struct {
	Length      int     // least code points; 0 means MinLength, less is refused by Validate
	LengthAlone int     // least where the password is the only factor; 0 means MinLengthAlone
	Require     Classes // kinds of character that must occur; 0 means none
}

// About is what Check must know of the account and the situation.
type About struct {
	Alone bool     // the password is the account's only factor
	Words []string // what guessers try first: e-mail addresses, names, the brand; 16 at most count
}

// Validate refuses a policy that is weaker than its floor or that nobody could meet.
func (p Policy) Validate() error {
	for _, n := range []int{p.Length, p.LengthAlone} {
		if n != 0 && (n < MinLength || n > 128) {
			return errs.New(errs.Invalid, "password_policy", "The least length of a password is between %d and 128.", MinLength)
		}
	}
	if p.Require > Lower|Upper|Digit|Symbol {
		return errs.New(errs.Invalid, "password_policy", "The required kinds of character are not known.")
	}
	return nil
}

// Least is the least length of a password, in code points.
func (p Policy) Least(alone bool) int {
	least := max(p.Length, MinLength)
	if alone && p.LengthAlone == 0 {
		return max(least, MinLengthAlone)
	}
	if alone {
		return max(least, p.LengthAlone)
	}
	return least
}

// Check returns nil for a password that may be set, else an Invalid error that lists every broken
// rule. Its code is that of the first. It looks nothing up over the network and takes microseconds.
func (p Policy) Check(password secret.Value, about About) error {
	text, err := prepare(password)
	if err != nil {
		return err
	}
	var broken []*errs.Error
	if least := p.Least(about.Alone); utf8.RuneCountInString(text) < least {
		broken = append(broken, refuse(ReasonTooShort, "has fewer than %d characters", least).Breaks("password_too_short", errs.Params{"min": int64(least)}))
	}
	broken = append(broken, p.missing(text)...)
	folded := fold(text)
	if _, found := commonPasswords().find(folded); found {
		broken = append(broken, refuse(ReasonCommon, "is one of the most used passwords"))
	}
	if personal(folded, about.Words) {
		broken = append(broken, refuse(ReasonPersonal, "is made of the account's own name or address"))
	}
	if len(broken) == 0 {
		return nil
	}
	first := broken[0]
	for _, e := range broken[1:] {
		first.Fields = append(first.Fields, e.Fields...)
	}
	return first
}

// missing lists the required kinds of character that do not occur.
func (p Policy) missing(text string) (broken []*errs.Error) {
	kinds := []struct {
		class  Classes
		reason Reason
		name   string
		is     func(rune) bool
	}{
		{Lower, ReasonLower, "lower-case letter", unicode.IsLower},
		{Upper, ReasonUpper, "upper-case letter", unicode.IsUpper},
		{Digit, ReasonDigit, "digit", unicode.IsDigit},
		{Symbol, ReasonSymbol, "symbol", func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }},
	}
	for _, k := range kinds {
		if p.Require&k.class != 0 && !strings.ContainsFunc(text, k.is) {
			broken = append(broken, refuse(k.reason, "has no %s", k.name))
		}
	}
	return broken
}

// fold is the form in which passwords are compared with lists: NFKC and lower case, so that wide or
// capital letters do not make a common password new. It is never hashed.
func fold(text string) string { return strings.ToLower(norm.NFKC.String(text)) }
