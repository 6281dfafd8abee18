package oauth

import (
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
)

// The values of acr (OpenID Connect Core, section 2): how strongly a person has proved itself.
const (
	ACROneFactor  = "urn:cardea:acr:one-factor"
	ACRTwoFactors = "urn:cardea:acr:two-factors"
	ACRNoPhishing = "urn:cardea:acr:phishing-resistant"
)

// ACRs are all values of acr, weakest first.
func ACRs() []string { return []string{ACROneFactor, ACRTwoFactors, ACRNoPhishing} }

// ACR is the value for a strength, or "" for no proof.
func ACR(s access.Strength) string {
	if s == access.NoProof || int(s) > len(ACRs()) {
		return ""
	}
	return ACRs()[s-1]
}

// StrengthOf is the strength behind a value of acr; NoProof for a value that is not ours.
func StrengthOf(acr string) access.Strength {
	for i, known := range ACRs() {
		if acr == known {
			return access.Strength(i + 1)
		}
	}
	return access.NoProof
}

// WantedStrength is the least strength that satisfies an acr_values parameter. Each value in it is
// enough by itself, so the weakest one that is ours counts.
func WantedStrength(acrValues string) access.Strength {
	least := access.NoProof
	for _, v := range strings.Fields(acrValues) {
		if s := StrengthOf(v); s != access.NoProof && (least == access.NoProof || s < least) {
			least = s
		}
	}
	return least
}
