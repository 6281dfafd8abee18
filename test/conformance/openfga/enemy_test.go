package openfga_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/test/proof"
)

// TestNewEnemy takes a right away, writes content, and asks with the revision that the second write
// told (Zanzibar, section 2.2): the answer is never that the right is still there, and at the revision
// of the grant it always was.
func TestNewEnemy(t *testing.T) {
	c := newClient(startServer(t))
	store := c.created(t, "/stores", `{"name":"new enemy"}`, "id")
	c.created(t, "/stores/"+store+"/authorization-models", `{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"doc",
		"relations":{"viewer":{"this":{}},"version":{"this":{}}},"metadata":{"relations":{
		"viewer":{"directly_related_user_types":[{"type":"user"}]},"version":{"directly_related_user_types":[{"type":"user"}]}}}}]}`, "authorization_model_id")
	const people = 8
	all := rounds(t, 500*proof.Rounds(t, 2))
	var wrong sync.Map
	var asking sync.WaitGroup
	for person := range people {
		asking.Go(func() {
			for round := range all / people {
				if err := c.enemy(store, fmt.Sprintf("p%d-%d", person, round)); err != nil {
					wrong.Store(fmt.Sprint(person), err)
					return
				}
			}
		})
	}
	asking.Wait()
	proof.Figures(t, "rounds", all)
	wrong.Range(func(_, err any) bool {
		t.Error(err)
		return true
	})
}

// enemy is one round.
func (c *client) enemy(store, name string) error {
	viewer := fmt.Sprintf(`{"tuple_keys":[{"user":"user:%s","relation":"viewer","object":"doc:d"}]}`, name)
	content := fmt.Sprintf(`{"tuple_keys":[{"user":"user:%s","relation":"version","object":"doc:d"}]}`, name)
	question := fmt.Sprintf(`{"tuple_key":{"user":"user:%s","relation":"viewer","object":"doc:d"}}`, name)
	var token string
	for _, body := range []string{`{"writes":` + viewer + `}`, `{"deletes":` + viewer + `}`, `{"writes":` + content + `}`} {
		_, revision, err := c.post("/stores/"+store+"/write", body, token)
		if err != nil {
			return err
		}
		if token == "" {
			answer, _, err := c.post("/stores/"+store+"/check", question, revision)
			if err != nil || answer["allowed"] != true {
				return fmt.Errorf("%s was given the right and is not told so: %v %w", name, answer, err)
			}
		}
		token = revision
	}
	answer, _, err := c.post("/stores/"+store+"/check", question, token)
	if err != nil || answer["allowed"] != false {
		return fmt.Errorf("%s lost the right and is told otherwise at revision %s: %v %w", name, token, answer, err)
	}
	return nil
}

// post sends JSON, with a revision that the answer must know of, and returns the answer and its
// revision.
func (c *client) post(path, body, revision string) (map[string]any, string, error) {
	r, err := http.NewRequest(http.MethodPost, c.issuer+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", "application/json")
	if revision != "" {
		r.Header.Set("Cardea-Revision", revision)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, "", err
	}
	if answer.StatusCode >= 300 {
		return nil, "", fmt.Errorf("%s: status %d: %s", path, answer.StatusCode, text)
	}
	var out map[string]any
	err = json.Unmarshal(text, &out)
	return out, answer.Header.Get("Cardea-Revision"), err
}

// created posts JSON and returns a member of the answer.
func (c *client) created(t *testing.T, path, body, member string) string {
	t.Helper()
	answer, _, err := c.post(path, body, "")
	if err != nil {
		t.Fatal(err)
	}
	return answer[member].(string)
}
