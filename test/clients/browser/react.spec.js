// oidc-client-ts by react-oidc-context.
import { fileURLToPath } from 'node:url'

import { freePort } from '../../port/port.mjs'
import { editor, expect, signIn, test } from './world.js'

test('react-oidc-context: sign in, reload, sign out', async ({ page, world }) => {
  const port = await freePort()
  const here = `http://localhost:${port}`
  const app = world.app('React', 'spa', '--redirect', `${here}/`, '--post-logout', `${here}/`, '--origin', here, '--scope', 'openid', '--scope', 'email')
  await world.pages(fileURLToPath(new URL('react', import.meta.url)), port, { ISSUER: world.issuer, CLIENT_ID: app.client_id })
  await page.goto(here)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL(`${world.issuer}/sign-in**`)
  await signIn(page, editor)
  await expect(page.getByText(`Hello ${editor}`)).toBeVisible()
  await page.reload()
  await expect(page.getByText(`Hello ${editor}`)).toBeVisible()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.waitForURL(`${here}/`)
  await expect(page.getByRole('button', { name: 'Log in' })).toBeVisible()
})
