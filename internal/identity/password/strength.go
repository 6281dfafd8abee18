package password

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Estimate says how hard a password is to guess, for showing while it is typed. It decides nothing:
// Policy does.
type Estimate struct {
	// Score is 0 (guessed at once) to 4. The steps are 10³, 10⁶, 10⁸ and 10¹⁰ guesses.
	Score int
	// Reason is what makes a Score below 3 low; empty from 3 on.
	Reason Reason
}

// maxJudged bounds the work: what comes after so many code points cannot make a password weaker.
const maxJudged = 64

// Strength estimates how many guesses an informed attacker needs: one who tries common passwords,
// the owner's own words (own: addresses, names), runs of keys, repetitions and years, alone and put
// together, before trying everything. It knows no dictionary, so it trusts plain letters little: 2.6
// bits each, about what running English carries. It takes well under a millisecond; a text that
// cannot be a password scores 0 with the reason of the refusal.
func Strength(password secret.Value, own ...string) Estimate {
	text, err := prepare(password)
	if err != nil {
		return Estimate{Reason: reasonOf(password.Reveal())}
	}
	folded := fold(text)
	if _, found := commonPasswords().find(folded); found {
		return Estimate{Reason: ReasonCommon}
	}
	if personal(folded, own) {
		return Estimate{Reason: ReasonPersonal}
	}
	g := newGuesser(folded, own)
	bits, reason := g.cheapest()
	bits += capitals(text)
	score := 0
	for _, step := range []float64{3, 6, 8, 10} {
		if bits >= step*math.Log2(10) {
			score++
		}
	}
	if score >= 3 {
		reason = ""
	}
	return Estimate{Score: score, Reason: reason}
}

// reasonOf is why prepare refused raw.
func reasonOf(raw string) Reason {
	switch {
	case raw == "":
		return ReasonTooShort
	case len(raw) > MaxBytes:
		return ReasonTooLong
	}
	return ReasonCharacter
}

// capitals is what mixing cases adds, in bits: one for the usual places, more for others.
func capitals(text string) float64 {
	upper := 0
	for i, r := range text {
		if i > 0 && strings.ToLower(string(r)) != string(r) {
			upper++
		}
	}
	switch n := utf8.RuneCountInString(text); {
	case strings.ToLower(text) == text:
		return 0
	case upper == 0 || 2*upper > n:
		return 1
	default:
		return float64(min(upper, 5)) + 1
	}
}
