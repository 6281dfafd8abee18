package tokens

// ParseClaims reads the claims of an access token, and of an id token that is a hint.
func ParseClaims(claims []byte, issuer string) (access *Access, errAccess, errHint error) {
	access, errAccess = parseClaims(claims, issuer)
	_, errHint = parseHint(claims, issuer)
	return access, errAccess, errHint
}
