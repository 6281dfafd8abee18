import{t as e}from"./useInfiniteQuery-C3SYu36w.js";import{a as t,n,r}from"./createLucideIcon-DJErT5LB.js";import{d as i}from"./chunk-6KYCQHYJ-CnzzrIXk.js";import{c as a,n as o,o as s,r as c}from"./client-DZtFEEHi.js";import{a as l,i as u,t as d}from"./problem-alert-Bv_N4pW4.js";import{t as f}from"./button-D48TIYl1.js";import{r as p,t as m}from"./card-BcK-HQR3.js";import{t as h}from"./checkbox-C9nTYqQp.js";import{a as g,t as _}from"./common-B07OcktQ.js";import{t as v}from"./copy-field-Brw-1K7q.js";import{i as y,o as b,r as x}from"./field-B1CExcAK.js";import{s as S}from"./session-B7lTXaaB.js";import{t as C}from"./act-B9Kguzj4.js";import{n as w}from"./applications-DA3bgoxy.js";import{j as T}from"./data-ZZMGtE2v.js";import{a as E,n as D,o as O}from"./parts-BxX64vS4.js";import{t as k}from"./code-block-Dx0YU7qV.js";import{t as A}from"./tabs-QA_r9f3y.js";import{u as j}from"./names-NNMNvqfB.js";var M=t(r(),1),N=e=>JSON.stringify(e),P=e=>`'${e.replaceAll(`'`,`'\\''`)}'`;function F(e){let t=location.origin+a.base,n=e.redirect_uris?.[0]??`http://localhost:3000/callback`,r=(e.scopes??[]).join(` `)||(e.type===`service`?``:`openid`),i={issuer:t,id:e.client_id,redirect:n,scope:r,audience:e.audience?.[0]??``,proof:R(e)},o=e.type===`service`?I(i):e.type===`spa`?z(i):H(i,e.type===`web`);return[{id:`go`,label:`Go`,code:o.go},{id:`node`,label:e.type===`spa`?`TypeScript`:`Node`,code:o.node},{id:`curl`,label:`curl`,code:o.curl}]}function I(e){let{issuer:t,id:n,scope:r,audience:i}=e,a=i?`\n\t\tEndpointParams: url.Values{"resource": {${N(i)}}},`:``;return{go:`package main

import (
	"context"
	"log"${i?`
	"net/url"`:``}
	"os"

	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	config := clientcredentials.Config{
		ClientID:     ${N(n)},
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		TokenURL:     ${N(t+`/oauth/token`)},
		Scopes:       []string{${r.split(` `).filter(Boolean).map(N).join(`, `)}},${a}
	}
	// Fetches a token when it is needed, and a new one before it ends.
	answer, err := config.Client(context.Background()).Get("https://api.example.com/")
	if err != nil {
		log.Fatal(err)
	}
	log.Print(answer.Status)
}
`,node:`// npm install openid-client
import * as client from 'openid-client'

const config = await ${L(e)}
const tokens = await client.clientCredentialsGrant(config, {
  scope: ${N(r)},${i?`\n  resource: ${N(i)},`:``}
})
const answer = await fetch('https://api.example.com/', {
  headers: { Authorization: \`Bearer \${tokens.access_token}\` },
})
console.log(answer.status)
`,curl:`curl ${P(t+`/oauth/token`)} \\
  --user ${P(n)}:"$CLIENT_SECRET" \\
  --data grant_type=client_credentials${r?` \\\n  --data-urlencode ${P(`scope=`+r)}`:``}${i?` \\\n  --data-urlencode ${P(`resource=`+i)}`:``}
`}}function L({issuer:e,id:t,proof:n}){let r=e.startsWith(`http:`)?`, {
  execute: [client.allowInsecureRequests],
}`:``;return`client.discovery(new URL(${N(e)}), ${N(t)}, undefined, client.${n}${r})`}function R({token_endpoint_auth_method:e}){return e===`none`?`None()`:e===`private_key_jwt`?`PrivateKeyJwt(key)`:e===`client_secret_post`?`ClientSecretPost(process.env.CLIENT_SECRET)`:`ClientSecretBasic(process.env.CLIENT_SECRET)`}function z({issuer:e,id:t,redirect:n,scope:r,audience:i}){return{go:B(e,i),node:`// npm install oidc-client-ts
import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts'

const users = new UserManager({
  authority: ${N(e)},
  client_id: ${N(t)},
  redirect_uri: ${N(n)},
  scope: ${N(r)},
  // Tokens stay in memory: a script that does not belong here finds none in the storage.
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
})

if (new URLSearchParams(location.search).has('code')) await users.signinRedirectCallback()
const user = await users.getUser()
if (!user) await users.signinRedirect()
`,curl:V()}}function B(e,t){return`// The API that your pages call.
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
		Issuer:       ${N(e)},
		Audience:     ${N(t||`https://api.example.com`)},
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
`}function V(){return`# Your page has the token. What it sends to your API:
curl https://api.example.com/ --header "Authorization: Bearer $ACCESS_TOKEN"
`}function H(e,t){let{issuer:n,id:r,redirect:i,scope:a}=e;return{go:`package main

import (
	"context"
	"log"
	"net/http"${t?`
	"os"`:``}

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func main() {
	provider, err := oidc.NewProvider(context.Background(), ${N(n)})
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID:     ${N(r)},${t?`
		ClientSecret: os.Getenv("CLIENT_SECRET"),`:``}
		Endpoint:     provider.Endpoint(),
		RedirectURL:  ${N(i)},
		Scopes:       []string{${a.split(` `).map(N).join(`, `)}},
	}
	state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier() // one pair for each sign-in
	log.Print("open ", config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))

	http.HandleFunc(${N(U(i))}, func(w http.ResponseWriter, r *http.Request) {
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
	log.Fatal(http.ListenAndServe(${N(W(i))}, nil))
}
`,node:`// npm install openid-client
import * as client from 'openid-client'

const config = await ${L(e)}

// Begin: keep verifier and state for the answer, and send the person to the address.
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: ${N(i)},
  scope: ${N(a)},
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
})

// The answer: \`url\` is the whole address to which the person came back.
const tokens = await client.authorizationCodeGrant(config, url, { pkceCodeVerifier: verifier, expectedState: state })
console.log(tokens.claims()?.sub)
`,curl:`# The person opens this, signs in, and comes back with ?code=…
# (the challenge is the SHA-256 of your verifier, as base64url)
echo ${P(`${n}/oauth/authorize?response_type=code&client_id=${encodeURIComponent(r)}&redirect_uri=${encodeURIComponent(i)}&scope=${encodeURIComponent(a)}&code_challenge_method=S256&code_challenge=`)}"$CHALLENGE"

# Then, once and within a minute:
curl ${P(n+`/oauth/token`)} \\
  ${t?`--user ${P(r)}:"$CLIENT_SECRET"`:`--data-urlencode ${P(`client_id=`+r)}`} \\
  --data grant_type=authorization_code \\
  --data-urlencode code="$CODE" \\
  --data-urlencode ${P(`redirect_uri=`+i)} \\
  --data-urlencode code_verifier="$VERIFIER"
`}}function U(e){return URL.canParse(e)?new URL(e).pathname||`/`:`/callback`}function W(e){let t=URL.canParse(e)?new URL(e).host:``;return/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(t)?t.includes(`:`,t.indexOf(`]`)+1)?t:t+`:80`:`localhost:8080`}var G=n();function K({client:e}){let t=j.use(),[n,r]=(0,M.useState)(e.type===`spa`?`node`:`go`);return(0,G.jsx)(m,{title:t(`app.snippets`),description:t(`app.snippets.text`),children:(0,G.jsx)(A,{label:t(`app.snippets`),value:n,onChange:r,tabs:F(e).map(e=>({id:e.id,label:e.label,content:(0,G.jsx)(k,{label:e.label,children:e.code})}))})})}var q=[`openid`,`profile`,`email`,`offline_access`];function J(e,t){if(e instanceof s){for(let[n,r]of e.fields)if(n===t||n.startsWith(t+`/`))return l(r)}}function Y(){let[t,n,r]=[j.use(),_.use(),S()],a=i(),[s,l]=(0,M.useState)(),[u,h]=(0,M.useState)(``),[v,k]=(0,M.useState)(``),[A,N]=(0,M.useState)(``),[P,F]=(0,M.useState)([`openid`,`profile`,`email`]),[I,L]=(0,M.useState)(``),[R,z]=(0,M.useState)(),{data:B}=e({...T,enabled:r(`cardea:scope.read`)}),V=C(e=>o(c.POST(`/api/clients`,{body:e})),{stale:[`clients`],done:t(`apps.added`),then:e=>{z(e),scrollTo(0,0)}}),H=b(V.error),U=B?.pages.flatMap(e=>e.items.map(e=>e.name))??[],W=s===`service`?U:[...q,...U.filter(e=>!q.includes(e))],K=e=>{e.preventDefault();let[t,n,r,i]=[O(E(v)),O(E(A)),O(E(I)),O(P.filter(e=>W.includes(e)))];V.mutate({type:s,name:u.trim(),...s!==`service`&&t&&{redirect_uris:t},...s===`spa`&&t&&{origins:[...new Set(t.filter(e=>URL.canParse(e)).map(e=>new URL(e).origin))]},...s!==`service`&&n&&{post_logout_redirect_uris:n},...r&&{audience:r},...i&&{scopes:i}})};if(R)return(0,G.jsx)(Z,{made:R,go:()=>void a(`/admin/applications/${encodeURIComponent(R.client.client_id)}`)});let Y=V.error;return(0,G.jsxs)(G.Fragment,{children:[(0,G.jsx)(D,{to:`/admin/applications`,children:t(`apps.title`)}),(0,G.jsx)(p,{title:t(`apps.add`),description:t(`apps.add.text`)}),(0,G.jsxs)(`form`,{ref:H,className:`grid max-w-3xl gap-6`,onSubmit:K,children:[(0,G.jsxs)(`fieldset`,{children:[(0,G.jsx)(`legend`,{className:`mb-3 font-semibold`,children:t(`app.which_type`)}),(0,G.jsx)(`div`,{className:`grid gap-3 sm:grid-cols-2`,children:[`web`,`spa`,`native`,`service`].map(e=>{let n=w[e];return(0,G.jsxs)(`label`,{className:g(`flex cursor-pointer gap-3 rounded-card border p-4 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent`,e===s?`border-accent bg-accent-soft`:`border-line bg-surface hover:border-line-strong`),children:[(0,G.jsx)(`input`,{type:`radio`,name:`type`,value:e,checked:e===s,onChange:()=>l(e),className:`sr-only`}),(0,G.jsx)(n,{size:22,className:g(`mt-0.5 shrink-0`,e===s?`text-accent`:`text-muted`),"aria-hidden":!0}),(0,G.jsxs)(`span`,{children:[(0,G.jsx)(`span`,{className:`block font-semibold`,children:t(`app.type.${e}`)}),(0,G.jsx)(`span`,{className:`block text-sm text-muted`,children:t(`app.type.${e}.text`)})]})]},e)})})]}),s&&(0,G.jsx)(m,{title:t(`app.details`),footer:(0,G.jsxs)(G.Fragment,{children:[(0,G.jsx)(f,{look:`secondary`,onClick:()=>void a(`/admin/applications`),children:n(`cancel`)}),(0,G.jsx)(f,{type:`submit`,busy:V.isPending,children:t(`apps.add`)})]}),children:(0,G.jsxs)(`div`,{className:`grid gap-5`,children:[(0,G.jsx)(d,{problem:Y}),(0,G.jsx)(y,{label:t(`app.name`),hint:t(`app.name.hint`),required:!0,maxLength:200,value:u,onChange:e=>h(e.target.value),error:J(Y,`/name`)}),s!==`service`&&(0,G.jsxs)(G.Fragment,{children:[(0,G.jsx)(x,{label:t(`app.redirects`),hint:t(`app.redirects.hint`),required:!0,rows:3,value:v,onChange:e=>k(e.target.value),error:J(Y,`/redirect_uris`),className:`font-mono text-sm`,dir:`ltr`,placeholder:`https://app.example.com/callback`}),(0,G.jsx)(x,{label:t(`app.logouts`),hint:t(`app.logouts.hint`),rows:2,value:A,onChange:e=>N(e.target.value),error:J(Y,`/post_logout_redirect_uris`),className:`font-mono text-sm`,dir:`ltr`})]}),W.length>0&&(0,G.jsx)(X,{offered:W,picked:P,onChange:F}),(0,G.jsx)(x,{label:t(`app.audience`),hint:t(`app.audience.hint`),rows:2,value:I,onChange:e=>L(e.target.value),error:J(Y,`/audience`),className:`font-mono text-sm`,dir:`ltr`,placeholder:`https://api.example.com`})]})})]})]})}function X({offered:e,picked:t,onChange:n}){let r=j.use();return(0,G.jsxs)(`fieldset`,{children:[(0,G.jsx)(`legend`,{className:`mb-2 text-sm font-medium`,children:r(`app.scopes`)}),(0,G.jsx)(`div`,{className:`grid gap-2.5 sm:grid-cols-2`,children:e.map(e=>(0,G.jsx)(h,{label:(0,G.jsx)(`span`,{className:`font-mono text-sm`,children:e}),checked:t.includes(e),onChange:r=>n(r.target.checked?[...t,e]:t.filter(t=>t!==e))},e))})]})}function Z({made:e,go:t}){let n=j.use();return(0,G.jsxs)(G.Fragment,{children:[(0,G.jsx)(p,{title:n(`apps.made`,{name:e.client.name}),description:n(`apps.made.text`),actions:(0,G.jsx)(f,{onClick:t,children:n(`apps.made.go`)})}),(0,G.jsxs)(`div`,{className:`grid max-w-3xl gap-6`,children:[(0,G.jsx)(m,{title:n(`app.credentials`),children:(0,G.jsxs)(`div`,{className:`grid gap-4`,children:[(0,G.jsx)(v,{label:`client_id`,value:e.client.client_id}),e.client_secret&&(0,G.jsxs)(G.Fragment,{children:[(0,G.jsx)(u,{tone:`warning`,children:n(`secret.once`)}),(0,G.jsx)(v,{label:`client_secret`,value:e.client_secret})]})]})}),(0,G.jsx)(K,{client:e.client})]})]})}export{K as i,X as n,J as r,Y as t};