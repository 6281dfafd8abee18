package strict

import (
	"encoding/base64"
	"errors"
	"strings"
)

var errBase64 = errors.New("strict: not the one spelling of anything in base64")

// Base64URL decodes base64url without padding (RFC 4648, section 5). Each value has one spelling: stray
// bits are refused, and so are the line breaks that encoding/base64 skips even when it is strict.
func Base64URL(text string) ([]byte, error) { return decode64(base64.RawURLEncoding, text) }

// Base64 is Base64URL for the alphabet of RFC 4648, section 4, with padding.
func Base64(text string) ([]byte, error) { return decode64(base64.StdEncoding, text) }

func decode64(e *base64.Encoding, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errBase64
	}
	b, err := e.Strict().DecodeString(text)
	if err != nil {
		return nil, errBase64
	}
	return b, nil
}
