package oidc

// ParseBasic reads the header of HTTP Basic authentication.
func ParseBasic(header string) (username, password string, err error) { return parseBasic(header) }
