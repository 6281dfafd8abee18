import type { Schema } from '../../api/client'
import { site } from '../../api/site'

type Client = Schema<'Client'>

/** A program to start from, in one language. */
export interface Snippet {
  id: 'go' | 'node' | 'curl'
  label: string
  code: string
}

/** Text that is safe between double quotes in Go, TypeScript and JSON. */
const quoted = (s: string) => JSON.stringify(s)
/** Text that is safe as one word of a shell. */
const word = (s: string) => `'${s.replaceAll("'", `'\\''`)}'`

/** Programs that sign somebody in, or act as a service, with what is known of an application. Secrets come from the environment. */
export function snippetsFor(client: Client): Snippet[] {
  const issuer = location.origin + site.base
  const redirect = client.redirect_uris?.[0] ?? 'http://localhost:3000/callback'
  const scope = (client.scopes ?? []).join(' ') || (client.type === 'service' ? '' : 'openid')
  const of = { issuer, id: client.client_id, redirect, scope, audience: client.audience?.[0] ?? '', proof: proofOf(client) }
  const programs = client.type === 'service' ? service(of) : client.type === 'spa' ? browser(of) : person(of, client.type === 'web')
  return [
    { id: 'go', label: 'Go', code: programs.go },
    { id: 'node', label: client.type === 'spa' ? 'TypeScript' : 'Node', code: programs.node },
    { id: 'curl', label: 'curl', code: programs.curl },
  ]
}

interface Known {
  issuer: string
  id: string
  redirect: string
  scope: string
  audience: string
  proof: string
}

function service(of: Known) {
  const { issuer, id, scope, audience } = of
  const params = audience ? `\n\t\tEndpointParams: url.Values{"resource": {${quoted(audience)}}},` : ''
  return {
    go: `package main

import (
	"context"
	"log"${audience ? '\n\t"net/url"' : ''}
	"os"

	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	config := clientcredentials.Config{
		ClientID:     ${quoted(id)},
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		TokenURL:     ${quoted(issuer + '/oauth/token')},
		Scopes:       []string{${scope.split(' ').filter(Boolean).map(quoted).join(', ')}},${params}
	}
	// Fetches a token when it is needed, and a new one before it ends.
	answer, err := config.Client(context.Background()).Get("https://api.example.com/")
	if err != nil {
		log.Fatal(err)
	}
	log.Print(answer.Status)
}
`,
    node: `// npm install openid-client
import * as client from 'openid-client'

const config = await ${discovery(of)}
const tokens = await client.clientCredentialsGrant(config, {
  scope: ${quoted(scope)},${audience ? `\n  resource: ${quoted(audience)},` : ''}
})
const answer = await fetch('https://api.example.com/', {
  headers: { Authorization: \`Bearer \${tokens.access_token}\` },
})
console.log(answer.status)
`,
    curl: `curl ${word(issuer + '/oauth/token')} \\
  --user ${word(id)}:"$CLIENT_SECRET" \\
  --data grant_type=client_credentials${scope ? ` \\\n  --data-urlencode ${word('scope=' + scope)}` : ''}${audience ? ` \\\n  --data-urlencode ${word('resource=' + audience)}` : ''}
`,
  }
}

/** How openid-client learns of the server. It wants to be told how the application proves itself, and that a server on this machine speaks plain HTTP. */
function discovery({ issuer, id, proof }: Known): string {
  const local = issuer.startsWith('http:') ? ', {\n  execute: [client.allowInsecureRequests],\n}' : ''
  return `client.discovery(new URL(${quoted(issuer)}), ${quoted(id)}, undefined, client.${proof}${local})`
}

/** The words of openid-client for how an application proves itself. A key of its own needs a file that only the application knows. */
function proofOf({ token_endpoint_auth_method: method }: Client): string {
  if (method === 'none') return 'None()'
  if (method === 'private_key_jwt') return 'PrivateKeyJwt(key)'
  return method === 'client_secret_post' ? 'ClientSecretPost(process.env.CLIENT_SECRET)' : 'ClientSecretBasic(process.env.CLIENT_SECRET)'
}

function browser({ issuer, id, redirect, scope, audience }: Known) {
  return {
    go: api(issuer, audience),
    node: `// npm install oidc-client-ts
import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts'

const users = new UserManager({
  authority: ${quoted(issuer)},
  client_id: ${quoted(id)},
  redirect_uri: ${quoted(redirect)},
  scope: ${quoted(scope)},
  // Tokens stay in memory: a script that does not belong here finds none in the storage.
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
})

if (new URLSearchParams(location.search).has('code')) await users.signinRedirectCallback()
const user = await users.getUser()
if (!user) await users.signinRedirect()
`,
    curl: call(),
  }
}

/** How an API in Go asks for the token that a page sends. */
function api(issuer: string, audience: string): string {
  return `// The API that your pages call.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/cardea-auth/cardea"
)

func main() {
	auth, err := cardea.New(context.Background(), cardea.Config{
		Issuer:       ${quoted(issuer)},
		Audience:     ${quoted(audience || 'https://api.example.com')},
		ClientID:     os.Getenv("CLIENT_ID"), // of the API: an application of type service
		ClientSecret: cardea.Secret(os.Getenv("CLIENT_SECRET")),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()

	hello := func(w http.ResponseWriter, r *http.Request) {
		who, _ := cardea.Subject(r.Context())
		fmt.Fprintln(w, "Hello", who.Subject)
	}
	http.Handle("/", auth.Authenticate(http.HandlerFunc(hello)))
	log.Fatal(http.ListenAndServe("localhost:8080", nil))
}
`
}

function call(): string {
  return `# Your page has the token. What it sends to your API:
curl https://api.example.com/ --header "Authorization: Bearer $ACCESS_TOKEN"
`
}

function person(of: Known, secret: boolean) {
  const { issuer, id, redirect, scope } = of
  return {
    go: `package main

import (
	"context"
	"log"
	"net/http"${secret ? '\n\t"os"' : ''}

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func main() {
	provider, err := oidc.NewProvider(context.Background(), ${quoted(issuer)})
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID:     ${quoted(id)},${secret ? '\n\t\tClientSecret: os.Getenv("CLIENT_SECRET"),' : ''}
		Endpoint:     provider.Endpoint(),
		RedirectURL:  ${quoted(redirect)},
		Scopes:       []string{${scope.split(' ').map(quoted).join(', ')}},
	}
	state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier() // one pair for each sign-in
	log.Print("open ", config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))

	http.HandleFunc(${quoted(pathOf(redirect))}, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("state") != state {
			http.Error(w, "This answer belongs to another sign-in.", http.StatusBadRequest)
			return
		}
		token, err := config.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		raw, _ := token.Extra("id_token").(string)
		who, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(r.Context(), raw)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		log.Print("signed in: ", who.Subject)
	})
	log.Fatal(http.ListenAndServe(${quoted(hostOf(redirect))}, nil))
}
`,
    node: `// npm install openid-client
import * as client from 'openid-client'

const config = await ${discovery(of)}

// Begin: keep verifier and state for the answer, and send the person to the address.
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: ${quoted(redirect)},
  scope: ${quoted(scope)},
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
})

// The answer: \`url\` is the whole address to which the person came back.
const tokens = await client.authorizationCodeGrant(config, url, { pkceCodeVerifier: verifier, expectedState: state })
console.log(tokens.claims()?.sub)
`,
    curl: `# The person opens this, signs in, and comes back with ?code=…
# (the challenge is the SHA-256 of your verifier, as base64url)
echo ${word(`${issuer}/oauth/authorize?response_type=code&client_id=${encodeURIComponent(id)}&redirect_uri=${encodeURIComponent(redirect)}&scope=${encodeURIComponent(scope)}&code_challenge_method=S256&code_challenge=`)}"$CHALLENGE"

# Then, once and within a minute:
curl ${word(issuer + '/oauth/token')} \\
  ${secret ? `--user ${word(id)}:"$CLIENT_SECRET"` : `--data-urlencode ${word('client_id=' + id)}`} \\
  --data grant_type=authorization_code \\
  --data-urlencode code="$CODE" \\
  --data-urlencode ${word('redirect_uri=' + redirect)} \\
  --data-urlencode code_verifier="$VERIFIER"
`,
  }
}

function pathOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).pathname || '/' : '/callback'
}

function hostOf(uri: string): string {
  const host = URL.canParse(uri) ? new URL(uri).host : ''
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host) ? (host.includes(':', host.indexOf(']') + 1) ? host : host + ':80') : 'localhost:8080'
}
