// The example application: React Router and oidc-client-ts, tokens in memory, the example API behind it.
import { fileURLToPath } from 'node:url'

import { freePort } from '../../port/port.mjs'
import { expect, signIn, test, viewer } from './world.js'

test('examples/spa: sign in, calls, renewal, reload, sign out everywhere', async ({ page, world }) => {
  const port = await freePort()
  const [here, audience] = [`http://localhost:${port}`, 'http://localhost:8080']
  const scopes = ['openid', 'profile', 'email', 'invoice:read', 'invoice:write'].flatMap((s) => ['--scope', s])
  const app = world.app(
    'Invoices', 'spa', '--redirect', `${here}/callback`, '--redirect', `${here}/silent.html`, '--post-logout', `${here}/`, '--origin', here, '--audience', audience, ...scopes,
  )
  const api = await world.api(audience)
  const settings = { VITE_ISSUER: world.issuer, VITE_CLIENT_ID: app.client_id, VITE_AUDIENCE: audience }
  const root = fileURLToPath(new URL('../../../examples/spa', import.meta.url))
  await world.pages(root, port, settings, { '/api': { target: api, rewrite: (path) => path.replace(/^\/api/, '') } })

  const framed = []
  page.on('console', (m) => /frame|Content Security Policy/i.test(m.text()) && framed.push(m.text()))
  await page.goto(here)
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible() // prompt=none said that nobody is
  await page.getByRole('link', { name: 'Look at the invoices' }).click()
  await page.waitForURL(`${world.issuer}/sign-in**`)
  await signIn(page, viewer)
  await page.waitForURL(`${here}/invoices`) // back at the guarded route
  await page.getByRole('button', { name: 'List' }).click()
  await expect(page.getByText('List: allowed. 0 invoices.')).toBeVisible()
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByText('Create: allowed. It is yours.')).toBeVisible()
  await page.getByRole('button', { name: 'Renew the token' }).click()
  await expect(page.getByText('Renew: a new access token.')).toBeVisible()

  // Nothing is kept that a script could find later.
  expect(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))).not.toContain('access_token')
  await page.reload()
  await expect(page.getByRole('heading', { name: /Invoices of/ })).toBeVisible()
  await page.getByRole('button', { name: 'List' }).click()
  await expect(page.getByText('List: allowed. 1 invoices.')).toBeVisible()

  // Permissions are asked for at every call: what is taken away counts at once, whatever the token says.
  world.cli('role', 'unassign', 'viewer', viewer)
  await expect(async () => {
    await page.getByRole('button', { name: 'List' }).click()
    await expect(page.getByText(/List: refused \(403\)\. .+/).first()).toBeVisible({ timeout: 1000 })
  }).toPass()

  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.waitForURL(`${here}/`)
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await page.goto(`${here}/invoices`)
  await page.waitForURL(`${world.issuer}/sign-in**`)
  expect(framed).toEqual([])
})
