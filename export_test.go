package cardea

import "time"

// What the external tests may see of the inside.

// The functions that meet bytes of strangers first.
var (
	VerifySignature = verifySignature
	DecodeObject    = decodeObject
	CacheLife       = cacheLife
)

// ParseToken takes a token apart and reports whether it has the form of an access token.
func ParseToken(token string) (alg, kid string, ok bool) {
	t, err := parseJWS(token)
	return t.alg, t.kid, err == nil
}

// NewMemory replaces the memory for verified tokens by an empty one of another size.
func (c *Client) NewMemory(entries, bytes int) { c.memory = newMemory(entries, bytes) }

// Remembered counts the verified tokens in memory.
func (c *Client) Remembered() int { return len(c.memory.young) + len(c.memory.old) }

// Marks counts the revocations in force that the client knows.
func (c *Client) Marks() int {
	c.standing.mu.RLock()
	defer c.standing.mu.RUnlock()
	return len(c.standing.marks.byRef)
}

// FeedLine applies one line of the revocation feed to an empty set and counts what is in force then.
func FeedLine(raw []byte) (int, error) {
	f := &follower{standing: newStanding(), now: time.Now, notice: func(string, error) {}, ready: make(chan error, 1)}
	err := f.line(raw)
	return len(f.standing.marks.byRef), err
}

// KeySet reads the document of a key set and returns the ids of the keys that may verify.
func KeySet(document []byte) (ids []string, err error) {
	object, err := decodeObject(document)
	if err != nil {
		return nil, err
	}
	list, _ := object["keys"].([]any)
	for id := range readKeys(list) {
		ids = append(ids, id)
	}
	return ids, nil
}

// ReadDecision reads the answer of the decision API.
func ReadDecision(document []byte) (Decision, error) {
	object, err := decodeObject(document)
	if err != nil {
		return Decision{}, err
	}
	return readDecision(object)
}
