package email

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// maxInput bounds what is normalised at all. NFKC can shrink a text, never this much.
const maxInput = 4 * MaxLength

// atext are the ASCII characters of a dot-atom besides letters and digits (RFC 5322, section 3.2.3).
const atext = "!#$%&'*+-/=?^_`{|}~"

// Parse reads an address. Its errors are Invalid with the code invalid_email and never repeat the
// text. Blanks around the address are an error like any other blank: trimming is for forms.
func Parse(text string) (Address, error) {
	switch {
	case text == "":
		return Address{}, invalid("is empty")
	case len(text) > maxInput:
		return Address{}, invalid("is too long")
	case !utf8.ValidString(text):
		return Address{}, invalid("is not valid UTF-8")
	case disguisedAt(text):
		return Address{}, invalid("holds a character that stands for '@'")
	}
	local, domain, found := strings.Cut(norm.NFKC.String(text), "@")
	if !found || strings.Contains(domain, "@") {
		return Address{}, invalid("must have exactly one '@'")
	}
	if err := checkLocal(local); err != nil {
		return Address{}, err
	}
	domain, err := asciiDomain(domain)
	if err != nil {
		return Address{}, err
	}
	a := Address{local: local, domain: domain}
	// The key of a local part may be longer than the part: it must fit where addresses fit.
	if longest := max(len(local), len(lower(local))); longest > MaxLocal || longest+1+len(domain) > MaxLength {
		return Address{}, invalid("is too long")
	}
	return a, nil
}

// disguisedAt reports whether a character other than '@' becomes one, or holds one, under NFKC:
// U+FF20, U+FE6B and whatever Unicode will add.
func disguisedAt(text string) bool {
	for _, r := range text {
		if r != '@' && r >= utf8.RuneSelf && strings.Contains(norm.NFKC.String(string(r)), "@") {
			return true
		}
	}
	return false
}

// checkLocal accepts dot-atoms (RFC 5322, section 3.2.3) of ASCII and of PRECIS identifier characters.
func checkLocal(local string) error {
	if local == "" || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return invalid("has an empty part before the '@'")
	}
	ascii := true
	for _, r := range local {
		ascii = ascii && r < utf8.RuneSelf
		if r < utf8.RuneSelf && r != '.' && !isAtext(r) {
			return invalid("holds a character that is not allowed before the '@'")
		}
	}
	if ascii {
		return nil
	}
	// UsernameCaseMapped (RFC 8265, section 3.3) refuses spaces, controls, symbols, ignorable
	// characters, direction marks and mixed directions. The result is used for the check alone.
	if _, err := precis.UsernameCaseMapped.String(local); err != nil {
		return invalid("holds a character that is not allowed before the '@'")
	}
	if mixesScripts(local) {
		return invalid("mixes scripts whose letters look alike")
	}
	return nil
}

func isAtext(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(atext, r)
}

// asciiDomain is the domain as it is looked up: at least two labels, the last not a number.
func asciiDomain(domain string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))
	ascii, err := profile.ToASCII(domain)
	if err != nil {
		return "", invalid("has no valid domain")
	}
	// A name that was mapped must map to itself, or two parsers could read two domains.
	if again, err := profile.ToASCII(ascii); err != nil || again != ascii {
		return "", invalid("has no valid domain")
	}
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if _, err := netip.ParseAddr(ascii); err == nil || last == ascii || last == "" || strings.Trim(last, "0123456789") == "" {
		return "", invalid("has no valid domain")
	}
	return ascii, nil
}

// mixesScripts reports whether letters of several scripts occur that are not written together.
// Chinese, Japanese and Korean combine their scripts, also with Latin (Unicode UTS 39, section 5.2,
// "highly restrictive"); nothing else does. A text wholly in a look-alike script passes.
func mixesScripts(s string) bool {
	seen := map[string]bool{}
	for _, r := range s {
		if name := script(r); name != "" {
			seen[name] = true
		}
	}
	for _, together := range [][]string{{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"}} {
		rest := len(seen)
		for _, name := range together {
			if seen[name] {
				rest--
			}
		}
		if rest == 0 {
			return false
		}
	}
	return len(seen) > 1
}

// script names the script of a letter; "" for what all scripts share.
func script(r rune) string {
	if r < utf8.RuneSelf {
		if unicode.IsLetter(r) {
			return "Latin"
		}
		return ""
	}
	for name, table := range unicode.Scripts {
		if name != "Common" && name != "Inherited" && unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
