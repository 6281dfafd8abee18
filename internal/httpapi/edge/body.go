package edge

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// bound puts the route's cap on the body, whoever reads it. A body whose length was declared needs none
// once that is allowed: net/http never gives more than what was declared, by either protocol.
func (x *Exchange) bound() error {
	switch n := x.R.ContentLength; {
	case x.R.Body == nil || x.R.Body == http.NoBody:
	case n > x.route.MaxBody:
		x.Header().Set("Connection", "close") // what is refused is not read
		return bodyTooLarge()
	case n < 0:
		x.R.Body = http.MaxBytesReader(x.w, x.R.Body, x.route.MaxBody)
	}
	return nil
}

func bodyTooLarge() error {
	return errs.New(errs.Invalid, problem.CodeBodyTooLarge, "The body is larger than this address takes.")
}

// Body reads the whole body, once. The slice belongs to the caller.
func (x *Exchange) Body() ([]byte, error) {
	if !x.bodyRead {
		x.bodyRead = true
		x.body, x.bodyErr = x.readBody()
	}
	return x.body, x.bodyErr
}

func (x *Exchange) readBody() ([]byte, error) {
	if x.R.Body == nil || x.R.Body == http.NoBody {
		return nil, nil
	}
	var b []byte
	var err error
	if n := x.R.ContentLength; n >= 0 {
		b = make([]byte, n) // bound has checked n
		_, err = io.ReadFull(x.R.Body, b)
	} else {
		b, err = io.ReadAll(x.R.Body)
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, bodyTooLarge()
	}
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, problem.CodeMalformed, "The body did not arrive whole.")
	}
	return b, nil
}

// MediaType is the type of the body in lower case and without parameters; empty if it is missing,
// malformed or stands twice.
func (x *Exchange) MediaType() string {
	v := x.R.Header["Content-Type"]
	if len(v) != 1 {
		return ""
	}
	if v[0] == jsonType || v[0] == formType {
		return v[0]
	}
	t, params, err := mime.ParseMediaType(v[0])
	if charset := params["charset"]; err != nil || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return ""
	}
	return t
}

const formType = "application/x-www-form-urlencoded"

func (x *Exchange) isForm() bool { return x.MediaType() == formType }

// Form reads the body as a form in which only the names in repeatable may stand more than once
// (RFC 6749, section 3.2).
func (x *Exchange) Form(repeatable ...string) (url.Values, error) {
	if !x.isForm() {
		return nil, errs.New(errs.Invalid, problem.CodeMediaType, "Send a form (%s).", formType)
	}
	b, err := x.Body()
	if err != nil {
		return nil, err
	}
	return ParseValues(string(b), repeatable...)
}

// Query reads the query string, in which only the names in repeatable may stand more than once.
func (x *Exchange) Query(repeatable ...string) (url.Values, error) {
	return ParseValues(x.R.URL.RawQuery, repeatable...)
}

// maxValues is the largest number of parameters in a form or a query.
const maxValues = 100

// ParseValues reads the form encoding strictly: one reading, or an error. Unlike net/url it refuses
// what is repeated, what is not UTF-8 and every stray percent sign or semicolon.
func ParseValues(s string, repeatable ...string) (url.Values, error) {
	out := url.Values{}
	for n := 0; s != ""; n++ {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		if pair == "" {
			continue
		}
		key, value, err := parsePair(pair)
		if err != nil || n >= maxValues {
			return nil, errs.New(errs.Invalid, problem.CodeMalformed, "The parameters are not well-formed.")
		}
		if out.Has(key) && !slices.Contains(repeatable, key) {
			return nil, errs.New(errs.Invalid, problem.CodeMalformed, "A parameter was sent twice.")
		}
		out.Add(key, value)
	}
	return out, nil
}

func parsePair(pair string) (key, value string, err error) {
	key, value, _ = strings.Cut(pair, "=")
	if strings.Contains(pair, ";") {
		return "", "", errors.New("semicolon")
	}
	if key, err = url.QueryUnescape(key); err != nil {
		return "", "", err
	}
	if value, err = url.QueryUnescape(value); err != nil {
		return "", "", err
	}
	if key == "" || !utf8.ValidString(key) || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return "", "", errors.New("text")
	}
	return key, value, nil
}
