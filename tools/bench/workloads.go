package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const form = "application/x-www-form-urlencoded"

// asked is how many grants are only asked about: those that are refreshed lose their oldest tokens.
const asked = 2

// workloads are what a server of this kind does all day.
func (s *server) workloads(ctx context.Context, api, apiSecret, opaque, opaqueSecret, web, webSecret, user string, browser *http.Client, grants []tokenSet) ([]workload, error) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(api+":"+apiSecret))
	webBasic := "Basic " + base64.StdEncoding.EncodeToString([]byte(web+":"+webSecret))
	var service, reference tokenSet
	credentials := []byte("grant_type=client_credentials")
	if err := s.token(ctx, "grant_type=client_credentials", api, apiSecret, &service); err != nil {
		return nil, err
	}
	if err := s.token(ctx, "grant_type=client_credentials", opaque, opaqueSecret, &reference); err != nil {
		return nil, err
	}
	base, err := url.Parse(s.base)
	if err != nil {
		return nil, err
	}
	var cookies []string
	for _, c := range browser.Jar.Cookies(base) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	question := []byte(`{"subject":{"type":"user","id":"` + user + `"},"action":{"name":"doc:read"},"resource":{"type":"doc","id":"1"}}`)
	jwt := []byte("token=" + url.QueryEscape(grants[0].Access))
	opaqueBasic := "Basic " + base64.StdEncoding.EncodeToString([]byte(opaque+":"+opaqueSecret))
	opaqueToken := []byte("token=" + url.QueryEscape(reference.Access))
	refresh := []byte("token=" + url.QueryEscape(grants[1].Refresh))
	own := make([]string, len(grants)-asked) // the newest refresh token of each worker
	for i, g := range grants[asked:] {
		own[i] = g.Refresh
	}
	get := func(path string, header ...string) func(int, int) []byte {
		return always(wire("GET", s.base, path, "", nil, header...))
	}
	send := func(path, contentType string, body []byte, header ...string) func(int, int) []byte {
		return always(wire("POST", s.base, path, contentType, body, header...))
	}
	introspection := send("/oauth/introspect", form, jwt, "Authorization", basic)
	return []workload{
		{name: "client credentials, JWT ES256", method: "POST", next: send("/oauth/token", form, credentials, "Authorization", basic)},
		{name: "introspection, JWT", method: "POST", next: introspection, check: active},
		{name: "introspection, opaque token", method: "POST", next: send("/oauth/introspect", form, opaqueToken, "Authorization", opaqueBasic), check: active},
		{name: "introspection, refresh token", method: "POST", next: send("/oauth/introspect", form, refresh, "Authorization", webBasic), check: active},
		{name: "session resolve", method: "GET", next: get("/session", "Cookie", strings.Join(cookies, "; ")), check: holds(`"authenticated":true`)},
		{name: "userinfo", method: "GET", next: get("/oauth/userinfo", "Authorization", "Bearer "+grants[0].Access), check: holds(`"sub"`)},
		{name: "AuthZEN evaluation", method: "POST", next: send("/access/v1/evaluation", "application/json", question, "Authorization", "Bearer "+service.Access), check: holds(`"decision":true`)},
		{
			name: "refresh, 64 clients", method: "POST", connections: len(own),
			next: func(worker, _ int) []byte {
				body := []byte("grant_type=refresh_token&refresh_token=" + url.QueryEscape(own[worker]))
				return wire("POST", s.base, "/oauth/token", form, body, "Authorization", webBasic)
			},
			check: func(worker, status int, body []byte) error {
				var t tokenSet
				if status != http.StatusOK || json.Unmarshal(body, &t) != nil || t.Refresh == "" {
					return fmt.Errorf("status %d: %.200s", status, body)
				}
				own[worker] = t.Refresh
				return nil
			},
		},
	}, nil
}

func active(_, status int, body []byte) error { return holds(`"active":true`)(0, status, body) }

func holds(text string) func(int, int, []byte) error {
	return func(_, status int, body []byte) error {
		if status != http.StatusOK || !strings.Contains(string(body), text) {
			return errors.Join(fmt.Errorf("status %d", status), fmt.Errorf("answer %.200s", body))
		}
		return nil
	}
}
