// Package markup makes HTML in which values stay values: a form is a constant of the program, and what it is
// filled with is escaped.
//
//	markup.Fill(`<p><a href="{}">{}</a></p>`, address, words)
//
// It takes the place of html/template, which finds out at run time where in a page a value stands, and calls
// methods by names that the linker cannot know: it then keeps every exported method of the whole program,
// six megabytes of ours. Here a value may stand in two places only, between tags and in an attribute between
// double quotes, where the same escaping is enough.
package markup

import (
	"html"
	"strings"
)

// HTML is safe to send. A conversion from a text that is not constant is a promise that it is.
type HTML string

// form is what only a constant outside this package can become.
type form string

// Text is s between tags, or in an attribute between double quotes.
func Text(s string) HTML {
	// Browsers leave out a NUL in some places, which could join what stands around it.
	return HTML(html.EscapeString(strings.ReplaceAll(s, "\x00", "\ufffd")))
}

// Fill puts values into the holes {} of a form, which must stand between tags or make a whole attribute value
// between double quotes, and not be the text of a script or a style. HTML is put in as it is, between tags
// only. In href, src, action and formaction stands an address; one that a browser could run is replaced by
// about:invalid. A hole without a value stays empty, and a value without a hole is left out.
func Fill(f form, values ...any) HTML {
	var b strings.Builder
	rest := string(f)
	for _, v := range values {
		before, after, found := strings.Cut(rest, "{}")
		if !found {
			break
		}
		b.WriteString(before)
		b.WriteString(string(fit(v, before)))
		rest = after
	}
	b.WriteString(strings.ReplaceAll(rest, "{}", ""))
	return HTML(b.String())
}

// fit is a value as it may stand after a part of a form.
func fit(v any, before string) HTML {
	attribute, quoted := strings.CutSuffix(before, `="`)
	switch v := v.(type) {
	case string:
		if quoted && takesAddress(attribute) && !harmless(v) {
			return "about:invalid"
		}
		return Text(v)
	case HTML:
		if !quoted {
			return v
		}
	}
	return ""
}

func takesAddress(before string) bool {
	for _, name := range []string{" href", " src", " action", " formaction"} {
		if strings.HasSuffix(before, name) {
			return true
		}
	}
	return false
}

// harmless reports whether an address is relative, http or https, or of a private scheme in reverse domain
// form (RFC 8252, section 7.1). Blanks and control characters, which browsers skip, make none of these of another.
func harmless(address string) bool {
	end := strings.IndexAny(address, ":/?#\\")
	if end < 0 || address[end] != ':' {
		return true
	}
	scheme := strings.ToLower(address[:end])
	return scheme == "http" || scheme == "https" || strings.Contains(scheme, ".")
}
