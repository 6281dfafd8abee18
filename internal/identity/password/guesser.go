package password

import (
	"math"
	"strings"
	"unicode"
)

// Bits that one character costs where no pattern fits.
const (
	plainBits  = 2.6 // a letter among letters
	otherBits  = 3.4 // anything else: people choose digits and symbols as predictably as letters
	joinBits   = 1.0 // each further part: in which order?
	ownBits    = 3.0 // one of the owner's words
	leetBits   = 1.0 // 4 for a, and the like
	yearBits   = 6.0 // a year of a living person
	repeatBits = 4.0 // a character said again and again
	runBits    = 5.0 // where a run begins and which way it goes
)

// shortest is the least length of a pattern; longest the longest entry of the list of passwords.
const (
	shortest = 3
	longest  = 31
)

// guesser finds the cheapest way to put a text together from patterns.
type guesser struct {
	text  []rune // folded
	plain []rune // the same with leet undone
	own   map[string]bool
	list  wordlist
}

// part is a stretch of the text and what it costs to guess.
type part struct {
	bits   float64
	reason Reason
}

func newGuesser(folded string, own []string) *guesser {
	text := []rune(folded)
	text = text[:min(len(text), maxJudged)]
	g := &guesser{text: text, plain: make([]rune, len(text)), own: map[string]bool{}, list: commonPasswords()}
	for i, r := range text {
		g.plain[i] = unleet(r)
	}
	for _, p := range ownParts(own) {
		g.own[p] = true
	}
	return g
}

// cheapest is the least number of bits for the whole text, and the reason of the patterns that
// cover most of it. A text that is one block repeated costs the block and the count.
func (g *guesser) cheapest() (bits float64, reason Reason) {
	if n := period(g.text); n < len(g.text) {
		block := *g
		block.text, block.plain = g.text[:n], g.plain[:n]
		bits, _ = block.best()
		return bits + math.Log2(float64(len(g.text)/n)), ReasonRepeat
	}
	return g.best()
}

// best is a shortest path: cost[i] is the cheapest way to the first i characters.
func (g *guesser) best() (bits float64, reason Reason) {
	n := len(g.text)
	cost, from, why := make([]float64, n+1), make([]int, n+1), make([]Reason, n+1)
	for end := 1; end <= n; end++ {
		cost[end], from[end], why[end] = cost[end-1]+g.single(end-1), end-1, ReasonSimple
		for start := max(0, end-longest); start <= end-shortest; start++ {
			p, ok := g.pattern(start, end)
			if c := cost[start] + p.bits + joinBits; ok && c < cost[end] {
				cost[end], from[end], why[end] = c, start, p.reason
			}
		}
	}
	covered := map[Reason]int{}
	reason = ReasonSimple
	for i := n; i > 0; i = from[i] {
		covered[why[i]] += i - from[i]
		if covered[why[i]] > covered[reason] {
			reason = why[i]
		}
	}
	return cost[n], reason
}

// single is the cost of one character by itself.
func (g *guesser) single(i int) float64 {
	beside := i > 0 && unicode.IsLetter(g.text[i-1]) || i+1 < len(g.text) && unicode.IsLetter(g.text[i+1])
	if unicode.IsLetter(g.text[i]) && beside {
		return plainBits
	}
	return otherBits
}

// pattern is the cheapest pattern that is exactly text[start:end].
func (g *guesser) pattern(start, end int) (part, bool) {
	s := g.text[start:end]
	if step, ok := stride(s); ok {
		if step == 0 {
			return part{repeatBits + math.Log2(float64(len(s))), ReasonRepeat}, true
		}
		return part{runBits + math.Log2(float64(len(s))), ReasonSequence}, true
	}
	if onKeyboard(string(s)) {
		return part{runBits + math.Log2(float64(len(s))), ReasonSequence}, true
	}
	if isYear(string(s)) {
		return part{yearBits, ReasonDate}, true
	}
	if p, ok := g.word(string(s)); ok {
		return p, true
	}
	p, ok := g.word(string(g.plain[start:end]))
	p.bits += leetBits
	return p, ok
}

// word looks s up among the owner's words and the common passwords.
func (g *guesser) word(s string) (part, bool) {
	if g.own[s] {
		return part{ownBits, ReasonPersonal}, true
	}
	band, found := g.list.find(s)
	return part{float64(band) + 1, ReasonCommon}, found
}

// stride reports whether neighbours differ by the same small step: 0, 1 or -1.
func stride(s []rune) (step rune, ok bool) {
	step = s[1] - s[0]
	for i := 1; i < len(s); i++ {
		if s[i]-s[i-1] != step {
			return 0, false
		}
	}
	return step, step >= -1 && step <= 1
}

// onKeyboard reports whether s runs along a row or a column of a common keyboard, either way.
func onKeyboard(s string) bool {
	const rows = "qwertyuiop asdfghjkl zxcvbnm qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn " +
		"1234567890 !@#$%^&*() 1qaz2wsx3edc4rfv5tgb6yhn7ujm qazwsxedcrfvtgbyhnujm"
	const reversed = "mjunhybgtvfrcdexswzaq mju7nhy6bgt5vfr4cde3xsw2zaq1 )(*&^%$#@! 0987654321 " +
		"nbvcxw mlkjhgfdsq poiuytreza mnbvcxy poiuztrewq mnbvcxz lkjhgfdsa poiuytrewq"
	return len(s) > shortest && !strings.Contains(s, " ") && (strings.Contains(rows, s) || strings.Contains(reversed, s))
}

// isYear reports whether s is a year from 1900 to 2049.
func isYear(s string) bool {
	return len(s) == 4 && (s[:2] == "19" || s[:2] == "20" && s[2] <= '4') && s[2] >= '0' && s[2] <= '9' && s[3] >= '0' && s[3] <= '9'
}

// period is the length of the shortest block that s repeats, or len(s).
func period(s []rune) int {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && string(s[n:]) == string(s[:len(s)-n]) {
			return n
		}
	}
	return len(s)
}

// unleet undoes the usual replacements of letters.
func unleet(r rune) rune {
	const from, to = "013457@$!8", "oleastasib"
	if i := strings.IndexRune(from, r); i >= 0 {
		return rune(to[i])
	}
	return r
}
