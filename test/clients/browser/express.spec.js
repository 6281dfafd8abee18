// The two usual libraries of Express.
import { ExpressAuth, getSession } from '@auth/express'
import express from 'express'
import openid from 'express-openid-connect'

import { freePort } from '../../port/port.mjs'
import { editor, expect, signIn, test } from './world.js'

const secret = 'a secret of the application, for its own cookies'

test('express-openid-connect: a protected page, sign out', async ({ page, world }) => {
  const port = await freePort()
  const here = `http://localhost:${port}`
  const made = world.app('Express', 'web', '--redirect', `${here}/callback`, '--post-logout', `${here}/goodbye`, '--scope', 'openid', '--scope', 'email', '--scope', 'profile')
  const { id_token_signing_alg_values_supported: algs } = await (await fetch(`${world.issuer}/.well-known/openid-configuration`)).json()
  const app = express()
  app.get('/goodbye', (_, res) => void res.send('Goodbye'))
  app.use(
    openid.auth({
      issuerBaseURL: world.issuer, baseURL: here, clientID: made.client_id, clientSecret: made.client_secret, secret,
      idTokenSigningAlg: algs[0], idpLogout: true, authorizationParams: { response_type: 'code', scope: 'openid email profile' },
      routes: { postLogoutRedirect: '/goodbye' },
    }),
  )
  app.get('/', (req, res) => void res.type('text').send(`Hello ${req.oidc.user.email}`))
  await world.serve(app, port)

  await page.goto(here)
  await page.waitForURL(`${world.issuer}/sign-in**`)
  await signIn(page, editor)
  await expect(page.getByText(`Hello ${editor}`)).toBeVisible()
  await page.goto(`${here}/logout`)
  await expect(page.getByText('Goodbye')).toBeVisible()
  await page.goto(here)
  await page.waitForURL(`${world.issuer}/sign-in**`)
})

test('@auth/express: sign in by its own page', async ({ page, world }) => {
  const port = await freePort()
  const here = `http://localhost:${port}`
  const made = world.app('Auth.js', 'web', '--redirect', `${here}/auth/callback/cardea`, '--scope', 'openid', '--scope', 'email', '--scope', 'profile')
  const config = {
    secret, trustHost: true,
    providers: [{ id: 'cardea', name: 'Cardea', type: 'oidc', issuer: world.issuer, clientId: made.client_id, clientSecret: made.client_secret, checks: ['pkce', 'state', 'nonce'] }],
  }
  const app = express()
  app.set('trust proxy', true)
  app.use(/^\/auth\/(.*)/, ExpressAuth(config)) // a group without a name: the library looks for it by number
  app.get('/', async (req, res) => {
    const session = await getSession(req, config)
    res.type('text').send(session ? `Hello ${session.user.email}` : 'Hello stranger')
  })
  await world.serve(app, port)

  await page.goto(here)
  await expect(page.getByText('Hello stranger')).toBeVisible()
  await page.goto(`${here}/auth/signin`)
  await page.getByRole('button', { name: 'Sign in with Cardea' }).click()
  await page.waitForURL(`${world.issuer}/sign-in**`)
  await signIn(page, editor)
  await page.waitForURL(`${here}/**`)
  await page.goto(here)
  await expect(page.getByText(`Hello ${editor}`)).toBeVisible()
})
