package limit

import (
	"net/netip"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Intent is what somebody is trying to do. Counts of different intents never mix.
type Intent uint8

// The intents. The first two count failures, the others count every use.
const (
	SignIn     Intent = iota + 1 // failed attempts to prove an account
	Credential                   // refused bearer tokens, API keys and client secrets
	SignUp                       // accounts opened
	Reset                        // resets asked for
	SendMail                     // other messages that a stranger causes
	Token                        // calls of the token endpoint
	API                          // calls of everything else
)

// String is the name of the intent in headers and metrics.
func (i Intent) String() string {
	switch i {
	case SignIn:
		return "sign_in"
	case Credential:
		return "credential"
	case SignUp:
		return "sign_up"
	case Reset:
		return "reset"
	case SendMail:
		return "send_mail"
	case Token:
		return "token"
	case API:
		return "api"
	}
	return "none"
}

// Account is an account as its domain counts it: by id, or by the hash of the canonical form of a
// name that nobody has. It is never the name as it was typed, or a change of case would reset a count.
type Account string

// Client is a client_id.
type Client string

// Asker is who does something, as far as it is known. Members that are not known are left empty, and
// the rules about them do not apply; an address that is not known is one address like any other.
type Asker struct {
	Tenant  id.Tenant
	Address netip.Addr
	Account Account
	Client  Client
}

// part says which members of a Key are set.
type part uint8

const (
	byPair part = iota + 1
	byAddress
	byNetwork // the /48 around an IPv6 address
	byAccount
	byClient
	byTenant
)

func (p part) String() string {
	return [...]string{"", "account-address", "address", "network", "account", "client", "tenant"}[p]
}

// Key names one counter. It is a struct and not a joined text, so that no name can be chosen to fall
// together with another.
type Key struct {
	intent  Intent
	part    part
	bits    uint8
	address [16]byte
	tenant  id.Tenant
	who     string
}

// Tenant is whose counter it is.
func (k Key) Tenant() id.Tenant { return k.tenant }

// Text is the key without its tenant as a text that no other key has. It holds addresses and names.
func (k Key) Text() string {
	b := make([]byte, 0, 3+len(k.address)+len(k.who))
	b = append(b, byte(k.intent), byte(k.part), k.bits)
	b = append(b, k.address[:]...)
	return string(append(b, k.who...))
}

// key makes the key of one rule, or false if the asker does not say what the rule counts by.
func (a Asker) key(i Intent, p part) (Key, bool) {
	k := Key{intent: i, part: p, tenant: a.Tenant}
	switch p {
	case byPair:
		k.who = string(a.Account)
		k.address, k.bits = network(a.Address, 64)
		return k, a.Account != ""
	case byAddress:
		k.address, k.bits = network(a.Address, 64)
		return k, true
	case byNetwork:
		k.address, k.bits = network(a.Address, 48)
		return k, k.bits == 48
	case byAccount:
		k.who = string(a.Account)
	case byClient:
		k.who = string(a.Client)
	case byTenant:
		return k, true
	}
	return k, k.who != ""
}

// nat64 holds IPv4 addresses behind a translator (RFC 6052, section 2.1): without this every IPv4
// client of an IPv6-only server would be one client.
var nat64 = [12]byte{0: 0x00, 1: 0x64, 2: 0xff, 3: 0x9b}

// network is what an address is counted as: a whole IPv4 address, in whichever of its spellings it
// came, or the first bits of an IPv6 address, of which one customer has at least 64 to choose from.
func network(a netip.Addr, bits uint8) ([16]byte, uint8) {
	a = a.Unmap()
	if !a.IsValid() {
		return [16]byte{}, 0
	}
	b := a.As16()
	if a.Is4() {
		return b, 128
	}
	if [12]byte(b[:12]) == nat64 {
		b = netip.AddrFrom4([4]byte(b[12:])).As16()
		return b, 128
	}
	clear(b[bits/8:])
	return b, bits
}
