import { createHash, randomBytes } from 'node:crypto'

import { demo, expect, signIn, test } from './guards'
import type { Server } from './server'

const callback = 'http://127.0.0.1:65000/callback' // nobody is there: what arrives is looked at and not sent

/** Registers an application and returns the address of an authorization request of it. */
function application(server: Server, name: string, extra: Record<string, string> = {}): string {
  const made = JSON.parse(server.cli('app', 'create', name, '--type', 'native', '--redirect', callback, '--scope', 'openid', '--scope', 'email', '--scope', 'profile', '--json')) as Record<string, string>
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: made['client_id'] ?? made['id']!, response_type: 'code', redirect_uri: callback, scope: 'openid email profile', state: 's<1>',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...extra,
  })
  return `/oauth/authorize?${query}`
}

test.beforeEach(async ({ page, allowed }) => {
  allowed.add('http://127.0.0.1:65000')
  await page.route('http://127.0.0.1:65000/**', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>back</title>back' }))
})

test('sign in for an application and allow it', async ({ page, server, look }) => {
  await page.goto(application(server, 'Photo Album'))
  await expect(page.getByText('to go on to Photo Album')).toBeVisible()
  await look('sign-in-for-application')
  await page.getByLabel('E-mail address').fill(demo.editor)
  await page.getByLabel('Password', { exact: true }).fill(demo.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('button', { name: 'Allow', exact: true })).toBeVisible()
  await expect(page.getByText(`You are signed in as ${demo.editor}`)).toBeVisible()
  await look('consent')
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.waitForURL(/127\.0\.0\.1:65000\/callback/)
  const back = new URL(page.url()).searchParams
  expect([back.get('state'), back.has('code'), back.get('iss')]).toEqual(['s<1>', true, server.origin])
})

test('refuse an application', async ({ page, server }) => {
  await signIn(page, demo.viewer)
  await page.goto(application(server, 'Nosy'))
  await page.getByRole('button', { name: 'Do not allow' }).click()
  await page.waitForURL(/127\.0\.0\.1:65000\/callback/)
  expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied')
})

test('choose an account', async ({ page, server, look }) => {
  await signIn(page, demo.viewer)
  await page.goto(application(server, 'Chooser', { prompt: 'select_account' }))
  await expect(page.getByRole('heading', { name: 'Choose an account' })).toBeVisible()
  await look('select-account')
  await page.getByRole('button', { name: new RegExp(demo.viewer) }).click()
  await expect(page.getByRole('button', { name: 'Allow', exact: true })).toBeVisible()
})

test('prove again for an application', async ({ page, server, look }) => {
  await signIn(page, demo.viewer)
  await page.goto(application(server, 'Careful', { prompt: 'login' }))
  await expect(page.getByRole('button', { name: /Confirm|Sign in/ })).toBeVisible()
  await look('step-up')
  const address = page.getByLabel('E-mail address')
  if (await address.isVisible()) await address.fill(demo.viewer)
  await page.getByLabel('Password', { exact: true }).fill(demo.password)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'Allow', exact: true })).toBeVisible()
})

test('a request that cannot be sent back is told on a page', async ({ page, server, look }) => {
  await page.goto(application(server, 'Broken').replace(encodeURIComponent(callback), encodeURIComponent('https://evil.example/')))
  await expect(page.getByRole('heading', { name: 'This did not work' })).toBeVisible()
  await look('refused')
  await page.goto('/consent?request=nonsense')
  await expect(page.getByRole('alert')).toBeVisible()
  await look('request-expired')
})

test('sign out by an application asks first', async ({ page, look }) => {
  await signIn(page, demo.viewer)
  await page.goto('/oauth/logout')
  await expect(page.getByText(`You are signed in as ${demo.viewer}`)).toBeVisible()
  await look('sign-out')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('heading', { name: 'You are signed out' })).toBeVisible()
  await look('signed-out')
})
