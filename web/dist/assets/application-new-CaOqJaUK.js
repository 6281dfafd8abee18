import{t as e}from"./useInfiniteQuery-CG-mYnQ5.js";import{f as t,h as n,i as r,p as i}from"./preload-helper-l1etipV8.js";import{d as a}from"./chunk-6KYCQHYJ-CZovHr86.js";import{c as o,n as s,o as c,r as l}from"./client-ChcBq-4W.js";import{r as u,t as d}from"./problem-alert-xEJdQySq.js";import{t as f}from"./button-Phgmdemg.js";import{r as p,t as m}from"./card-M5M2jYDX.js";import{t as h}from"./checkbox-D6VTRUFR.js";import{t as g}from"./copy-field-Du6WGVCn.js";import{i as _,r as v}from"./field-DZbXte2w.js";import{o as y}from"./session-BBAYNo6n.js";import{t as b}from"./common-DUHhyf7a.js";import{t as x}from"./act-DDrSLRG-.js";import{n as S}from"./applications-CtDZlUN6.js";import{F as C,a as w,n as T,o as E}from"./parts-DojrWId9.js";import{t as D}from"./code-block-FiMXtz25.js";import{t as O}from"./tabs-M7aoM4_H.js";import{t as k}from"./texts-DFT7vH6Y.js";var A=n(i(),1),j=e=>JSON.stringify(e),M=e=>`'${e.replaceAll(`'`,`'\\''`)}'`;function N(e){let t=location.origin+o.base,n=e.redirect_uris?.[0]??`http://localhost:3000/callback`,r=(e.scopes??[]).join(` `)||(e.type===`service`?``:`openid`),i={issuer:t,id:e.client_id,redirect:n,scope:r,audience:e.audience?.[0]??``},a=e.type===`service`?P(i):e.type===`spa`?I(i):z(i,e.type===`web`);return[{id:`go`,label:`Go`,code:a.go},{id:`node`,label:e.type===`spa`?`TypeScript`:`Node`,code:a.node},{id:`curl`,label:`curl`,code:a.curl}]}function P({issuer:e,id:t,scope:n,audience:r}){let i=r?`\n\t\tEndpointParams: url.Values{"resource": {${j(r)}}},`:``;return{go:`package main

import (
	"context"
	"log"${r?`
	"net/url"`:``}
	"os"

	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	config := clientcredentials.Config{
		ClientID:     ${j(t)},
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		TokenURL:     ${j(e+`/oauth/token`)},
		Scopes:       []string{${n.split(` `).filter(Boolean).map(j).join(`, `)}},${i}
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

const config = await client.discovery(new URL(${j(e)}), ${j(t)}, process.env.CLIENT_SECRET${F(e)})
const tokens = await client.clientCredentialsGrant(config, {
  scope: ${j(n)},${r?`\n  resource: ${j(r)},`:``}
})
const answer = await fetch('https://api.example.com/', {
  headers: { Authorization: \`Bearer \${tokens.access_token}\` },
})
console.log(answer.status)
`,curl:`curl ${M(e+`/oauth/token`)} \\
  --user ${M(t)}:"$CLIENT_SECRET" \\
  --data grant_type=client_credentials${n?` \\\n  --data-urlencode ${M(`scope=`+n)}`:``}${r?` \\\n  --data-urlencode ${M(`resource=`+r)}`:``}
`}}function F(e){return e.startsWith(`http:`)?`, undefined, {
  execute: [client.allowInsecureRequests],
}`:``}function I({issuer:e,id:t,redirect:n,scope:r,audience:i}){return{go:L(e,i),node:`// npm install oidc-client-ts
import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts'

const users = new UserManager({
  authority: ${j(e)},
  client_id: ${j(t)},
  redirect_uri: ${j(n)},
  scope: ${j(r)},
  // Tokens stay in memory: a script that does not belong here finds none in the storage.
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
})

if (new URLSearchParams(location.search).has('code')) await users.signinRedirectCallback()
const user = await users.getUser()
if (!user) await users.signinRedirect()
`,curl:R()}}function L(e,t){return`// The API that your pages call.
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
		Issuer:       ${j(e)},
		Audience:     ${j(t||`https://api.example.com`)},
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
`}function R(){return`# Your page has the token. What it sends to your API:
curl https://api.example.com/ --header "Authorization: Bearer $ACCESS_TOKEN"
`}function z(e,t){let{issuer:n,id:r,redirect:i,scope:a}=e;return{go:`package main

import (
	"context"
	"log"
	"net/http"${t?`
	"os"`:``}

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func main() {
	provider, err := oidc.NewProvider(context.Background(), ${j(n)})
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID:     ${j(r)},${t?`
		ClientSecret: os.Getenv("CLIENT_SECRET"),`:``}
		Endpoint:     provider.Endpoint(),
		RedirectURL:  ${j(i)},
		Scopes:       []string{${a.split(` `).map(j).join(`, `)}},
	}
	state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier() // one pair for each sign-in
	log.Print("open ", config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))

	http.HandleFunc(${j(B(i))}, func(w http.ResponseWriter, r *http.Request) {
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
	log.Fatal(http.ListenAndServe(${j(V(i))}, nil))
}
`,node:`// npm install openid-client
import * as client from 'openid-client'

const config = await client.discovery(new URL(${j(n)}), ${j(r)}, ${t?`process.env.CLIENT_SECRET`:`undefined, client.None()`}${t?F(n):F(n).replace(`, undefined,`,`,`)})

// Begin: keep verifier and state for the answer, and send the person to the address.
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: ${j(i)},
  scope: ${j(a)},
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
})

// The answer: \`url\` is the whole address to which the person came back.
const tokens = await client.authorizationCodeGrant(config, url, { pkceCodeVerifier: verifier, expectedState: state })
console.log(tokens.claims()?.sub)
`,curl:`# The person opens this, signs in, and comes back with ?code=…
# (the challenge is the SHA-256 of your verifier, as base64url)
echo ${M(`${n}/oauth/authorize?response_type=code&client_id=${encodeURIComponent(r)}&redirect_uri=${encodeURIComponent(i)}&scope=${encodeURIComponent(a)}&code_challenge_method=S256&code_challenge=`)}"$CHALLENGE"

# Then, once and within a minute:
curl ${M(n+`/oauth/token`)} \\
  ${t?`--user ${M(r)}:"$CLIENT_SECRET"`:`--data-urlencode ${M(`client_id=`+r)}`} \\
  --data grant_type=authorization_code \\
  --data-urlencode code="$CODE" \\
  --data-urlencode ${M(`redirect_uri=`+i)} \\
  --data-urlencode code_verifier="$VERIFIER"
`}}function B(e){return URL.canParse(e)?new URL(e).pathname||`/`:`/callback`}function V(e){let t=URL.canParse(e)?new URL(e).host:``;return/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(t)?t.includes(`:`,t.indexOf(`]`)+1)?t:t+`:80`:`localhost:8080`}var H=t();function U({client:e}){let t=k.use(),[n,r]=(0,A.useState)(e.type===`spa`?`node`:`go`);return(0,H.jsx)(m,{title:t(`app.snippets`),description:t(`app.snippets.text`),children:(0,H.jsx)(O,{label:t(`app.snippets`),value:n,onChange:r,tabs:N(e).map(e=>({id:e.id,label:e.label,content:(0,H.jsx)(D,{label:e.label,children:e.code})}))})})}var W=[`openid`,`profile`,`email`,`offline_access`];function G(e,t){if(e instanceof c){for(let[n,r]of e.fields)if(n===t||n.startsWith(t+`/`))return r}}function K(){let[t,n,i]=[k.use(),b.use(),y()],o=a(),[c,u]=(0,A.useState)(),[h,g]=(0,A.useState)(``),[D,O]=(0,A.useState)(``),[j,M]=(0,A.useState)(``),[N,P]=(0,A.useState)([`openid`,`profile`,`email`]),[F,I]=(0,A.useState)(``),[L,R]=(0,A.useState)(),{data:z}=e({...C,enabled:i(`cardea:scope.read`)}),B=x(e=>s(l.POST(`/api/clients`,{body:e})),{stale:[`clients`],done:t(`apps.added`),then:e=>{R(e),scrollTo(0,0)}}),V=z?.pages.flatMap(e=>e.items.map(e=>e.name))??[],U=c===`service`?V:[...W,...V.filter(e=>!W.includes(e))],K=e=>{e.preventDefault();let[t,n,r,i]=[E(w(D)),E(w(j)),E(w(F)),E(N.filter(e=>U.includes(e)))];B.mutate({type:c,name:h.trim(),...c!==`service`&&t&&{redirect_uris:t},...c!==`service`&&n&&{post_logout_redirect_uris:n},...r&&{audience:r},...i&&{scopes:i}})};if(L)return(0,H.jsx)(J,{made:L,go:()=>void o(`/admin/applications/${encodeURIComponent(L.client.client_id)}`)});let Y=B.error;return(0,H.jsxs)(H.Fragment,{children:[(0,H.jsx)(T,{to:`/admin/applications`,children:t(`apps.title`)}),(0,H.jsx)(p,{title:t(`apps.add`),description:t(`apps.add.text`)}),(0,H.jsxs)(`form`,{className:`grid max-w-3xl gap-6`,onSubmit:K,children:[(0,H.jsxs)(`fieldset`,{children:[(0,H.jsx)(`legend`,{className:`mb-3 font-semibold`,children:t(`app.which_type`)}),(0,H.jsx)(`div`,{className:`grid gap-3 sm:grid-cols-2`,children:[`web`,`spa`,`native`,`service`].map(e=>{let n=S[e];return(0,H.jsxs)(`label`,{className:r(`flex cursor-pointer gap-3 rounded-card border p-4 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent`,e===c?`border-accent bg-accent-soft`:`border-line bg-surface hover:border-line-strong`),children:[(0,H.jsx)(`input`,{type:`radio`,name:`type`,value:e,checked:e===c,onChange:()=>u(e),className:`sr-only`}),(0,H.jsx)(n,{size:22,className:r(`mt-0.5 shrink-0`,e===c?`text-accent`:`text-muted`),"aria-hidden":!0}),(0,H.jsxs)(`span`,{children:[(0,H.jsx)(`span`,{className:`block font-semibold`,children:t(`app.type.${e}`)}),(0,H.jsx)(`span`,{className:`block text-sm text-muted`,children:t(`app.type.${e}.text`)})]})]},e)})})]}),c&&(0,H.jsx)(m,{title:t(`app.details`),footer:(0,H.jsxs)(H.Fragment,{children:[(0,H.jsx)(f,{look:`secondary`,onClick:()=>void o(`/admin/applications`),children:n(`cancel`)}),(0,H.jsx)(f,{type:`submit`,busy:B.isPending,children:t(`apps.add`)})]}),children:(0,H.jsxs)(`div`,{className:`grid gap-5`,children:[(0,H.jsx)(d,{problem:Y}),(0,H.jsx)(_,{label:t(`app.name`),hint:t(`app.name.hint`),required:!0,maxLength:200,value:h,onChange:e=>g(e.target.value),error:G(Y,`/name`)}),c!==`service`&&(0,H.jsxs)(H.Fragment,{children:[(0,H.jsx)(v,{label:t(`app.redirects`),hint:t(`app.redirects.hint`),required:!0,rows:3,value:D,onChange:e=>O(e.target.value),error:G(Y,`/redirect_uris`),className:`font-mono text-sm`,dir:`ltr`,placeholder:`https://app.example.com/callback`}),(0,H.jsx)(v,{label:t(`app.logouts`),hint:t(`app.logouts.hint`),rows:2,value:j,onChange:e=>M(e.target.value),error:G(Y,`/post_logout_redirect_uris`),className:`font-mono text-sm`,dir:`ltr`})]}),U.length>0&&(0,H.jsx)(q,{offered:U,picked:N,onChange:P}),(0,H.jsx)(v,{label:t(`app.audience`),hint:t(`app.audience.hint`),rows:2,value:F,onChange:e=>I(e.target.value),error:G(Y,`/audience`),className:`font-mono text-sm`,dir:`ltr`,placeholder:`https://api.example.com`})]})})]})]})}function q({offered:e,picked:t,onChange:n}){let r=k.use();return(0,H.jsxs)(`fieldset`,{children:[(0,H.jsx)(`legend`,{className:`mb-2 text-sm font-medium`,children:r(`app.scopes`)}),(0,H.jsx)(`div`,{className:`grid gap-2.5 sm:grid-cols-2`,children:e.map(e=>(0,H.jsx)(h,{label:(0,H.jsx)(`span`,{className:`font-mono text-sm`,children:e}),checked:t.includes(e),onChange:r=>n(r.target.checked?[...t,e]:t.filter(t=>t!==e))},e))})]})}function J({made:e,go:t}){let n=k.use();return(0,H.jsxs)(H.Fragment,{children:[(0,H.jsx)(p,{title:n(`apps.made`,{name:e.client.name}),description:n(`apps.made.text`),actions:(0,H.jsx)(f,{onClick:t,children:n(`apps.made.go`)})}),(0,H.jsxs)(`div`,{className:`grid max-w-3xl gap-6`,children:[(0,H.jsx)(m,{title:n(`app.credentials`),children:(0,H.jsxs)(`div`,{className:`grid gap-4`,children:[(0,H.jsx)(g,{label:`client_id`,value:e.client.client_id}),e.client_secret&&(0,H.jsxs)(H.Fragment,{children:[(0,H.jsx)(u,{tone:`warning`,children:n(`secret.once`)}),(0,H.jsx)(g,{label:`client_secret`,value:e.client_secret})]})]})}),(0,H.jsx)(U,{client:e.client})]})]})}export{U as i,q as n,G as r,K as t};