import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'

import type { Browser, Page, Route } from '@playwright/test'

import { demo, expect, guard, signIn, test } from './guards'
import type { Server } from './server'

const callback = 'http://127.0.0.1:65000/callback' // nobody is there
const macOS = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
const iPhone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

/** The same person in another browser, with the same guards. */
async function elsewhere(browser: Browser, server: Server, allowed: Set<string>, faults: string[], who: string, userAgent: string): Promise<Page> {
  const context = await browser.newContext({ baseURL: server.origin, userAgent, locale: 'en-GB' })
  await guard(context, server, allowed, faults)
  const page = await context.newPage()
  await signIn(page, who)
  return page
}

/** Answers the next request as if the proof were too old; the request after it goes through. */
async function wantProof(page: Page, path: string, method: string): Promise<void> {
  let asked = false
  await page.route('**' + path, async (route: Route) => {
    if (asked || route.request().method() !== method) return route.fallback()
    asked = true
    await route.fulfill({
      status: 401,
      contentType: 'application/problem+json',
      body: JSON.stringify({ type: 'about:blank', title: 'Unauthorized', status: 401, code: 'insufficient_user_authentication', detail: 'Prove again.' }),
    })
  })
}

async function prove(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' })
  await dialog.getByLabel('Password', { exact: true }).fill(demo.password)
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await expect(dialog).toHaveCount(0)
}

/** Signs in again in the dialog that says that the session has ended; the address is there already. */
async function signInAgain(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
  await dialog.getByLabel('Password', { exact: true }).fill(demo.password)
  await dialog.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(dialog).toHaveCount(0)
}

/** Goes to a page of the console by its navigation. */
async function visit(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Your account' }).getByRole('link', { name, exact: true }).click()
}

/** Registers an application and has the person on the page allow it. */
async function allow(page: Page, server: Server, allowed: Set<string>, name: string): Promise<void> {
  allowed.add('http://127.0.0.1:65000')
  await page.route('http://127.0.0.1:65000/**', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>back</title>back' }))
  const made = JSON.parse(server.cli('app', 'create', name, '--type', 'native', '--redirect', callback, '--scope', 'openid', '--scope', 'email', '--scope', 'profile', '--json')) as Record<string, string>
  const query = new URLSearchParams({
    client_id: made['client_id'] ?? made['id']!, response_type: 'code', redirect_uri: callback, scope: 'openid email profile', state: 's',
    code_challenge: createHash('sha256').update(randomBytes(32).toString('base64url')).digest('base64url'), code_challenge_method: 'S256',
  })
  await page.goto(`/oauth/authorize?${query}`)
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.waitForURL(/127\.0\.0\.1:65000\/callback/)
}

test('profile: another address is mailed a link', async ({ page, server, look }) => {
  const who = server.person('mover')
  const next = who.replace('mover', 'moved')
  await signIn(page, who)
  await look('account-profile')
  await page.getByRole('button', { name: 'Change', exact: true }).click()
  await expect(page.getByLabel('New address')).toBeFocused()
  await page.getByLabel('New address').fill('nonsense')
  await page.getByRole('button', { name: 'Send the link' }).click()
  await expect(page.getByText('This does not look like an address')).toBeVisible()
  await look('account-email')
  await page.getByLabel('New address').fill(next)
  await wantProof(page, '/account/email', 'PUT')
  await page.getByRole('button', { name: 'Send the link' }).click()
  await prove(page)
  await expect(page.getByText(`We have sent a link to ${next}`)).toBeVisible()
  await look('account-email-mailed')
  await page.goto(await server.mailed(next, 'verify_email'))
  await page.getByRole('button', { name: 'Confirm my address' }).click()
  await page.goto('/account')
  await expect(page.locator('main').getByText(next)).toBeVisible()
})

test('security: a new password ends all other devices', async ({ page, browser, server, allowed, faults, look }) => {
  const who = server.person('changer')
  await signIn(page, who)
  const other = await elsewhere(browser, server, allowed, faults, who, iPhone)
  await visit(page, 'Security')
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByText('Type the password that you use now')).toBeVisible()
  await page.getByLabel('Current password').fill('wrong')
  await page.getByLabel('New password').fill('password')
  await expect(page.getByText('Guessed at once')).toBeVisible()
  await look('account-security-weak')
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByRole('alert').first()).toBeVisible()
  await page.getByLabel('New password').fill('seven quiet herons at dawn')
  await expect(page.getByText('Very good')).toBeVisible()
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByText('This is not your current password')).toBeVisible()
  await expect(page.getByLabel('Current password')).toBeFocused()
  await page.getByLabel('Current password').fill(demo.password)
  await wantProof(page, '/account/password', 'PUT') // the password in the form is the proof: nothing is asked twice
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByText('All your other devices are signed out')).toBeVisible()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page.getByLabel('Current password')).toHaveValue('')
  await look('account-security')
  await page.reload()
  await expect(page.getByText('Last changed on')).toBeVisible()
  await visit(other, 'Devices')
  await expect(other.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible()
  await other.context().close()
})

test('devices: a revoked browser signs in again and is back where it was', async ({ page, browser, server, allowed, faults, look }) => {
  const who = server.person('nomad')
  await signIn(page, who)
  const mac = await elsewhere(browser, server, allowed, faults, who, macOS)
  const phone = await elsewhere(browser, server, allowed, faults, who, iPhone)
  await visit(page, 'Devices')
  await expect(page.getByText('Chrome on macOS')).toBeVisible()
  await expect(page.getByText('This device', { exact: true })).toBeVisible()
  await look('account-devices')

  await mac.goto('/account/organisations')
  await page.getByRole('button', { name: 'Sign out Chrome on macOS' }).click()
  await expect(page.getByText('Chrome on macOS is signed out')).toBeVisible()
  await expect(page.getByText('Chrome on macOS', { exact: true })).toHaveCount(0)
  await visit(mac, 'Applications')
  await expect(mac.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible()
  await signInAgain(mac)
  await expect(mac.getByRole('heading', { name: 'Applications' })).toBeVisible()
  await expect(mac.getByText('No application has access')).toBeVisible()

  // A new document of a revoked browser goes by the sign-in page, and back.
  await page.getByRole('button', { name: 'Sign out all others' }).click()
  const sure = page.getByRole('alertdialog')
  await expect(sure).toContainText('2 other devices')
  await look('account-devices-sure')
  await sure.getByRole('button', { name: 'Sign out all others' }).click()
  await expect(page.getByText('You are signed in nowhere else')).toBeVisible()
  await look('account-devices-alone')
  await phone.goto('/account/devices?x=1')
  await phone.waitForURL('**/sign-in?return_to=**')
  await signInHere(phone, who)
  await phone.waitForURL('**/account/devices?x=1')
  await expect(phone.getByText(/Safari on iOS/).first()).toBeVisible()
  await mac.context().close()
  await phone.context().close()
})

async function signInHere(page: Page, who: string): Promise<void> {
  await page.getByLabel('E-mail address').fill(who)
  await page.getByLabel('Password', { exact: true }).fill(demo.password)
  await page.keyboard.press('Enter')
}

test('applications: access is taken back', async ({ page, server, allowed, look }) => {
  const who = server.person('owner')
  await signIn(page, who)
  await visit(page, 'Applications')
  await expect(page.getByText('No application has access')).toBeVisible()
  await look('account-applications-none')
  await allow(page, server, allowed, 'Photo Album')
  await allow(page, server, allowed, '<b>"Bad"</b> مرحبا 👩🏽‍🚀')
  await page.goto('/account/applications')
  await expect(page.getByText('see your e-mail address').first()).toBeVisible()
  await expect(page.getByText('<b>"Bad"</b>')).toBeVisible()
  await look('account-applications')
  await page.getByRole('button', { name: 'Remove access of Photo Album' }).click()
  await expect(page.getByRole('alertdialog')).toContainText('Remove access of Photo Album?')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('alertdialog')).toHaveCount(0)
  await page.getByRole('button', { name: 'Remove access of Photo Album' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove access' }).click()
  await expect(page.getByText('Photo Album has no access any more')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Remove access of Photo Album' })).toHaveCount(0)
  await visit(page, 'Activity')
  await expect(page.getByText('Access taken from')).toBeVisible()
})

test('organisations: an invitation is found without the mail, and one leaves', async ({ page, server, look }) => {
  const who = server.person('joiner')
  await signIn(page, who)
  await visit(page, 'Organisations')
  await expect(page.getByText('You belong to no organisation')).toBeVisible()
  await expect(page.getByLabel('Your address')).toHaveValue(who)
  await look('account-organisations-none')
  const name = 'The <b>Hinge</b> Works'
  const org = (JSON.parse(server.cli('org', 'add', name, '--json')) as { id: string }).id
  server.cli('org', 'invite', org, who)
  await page.reload()
  await expect(page.getByText('You are invited')).toBeVisible()
  await look('account-invitation')
  await page.getByRole('button', { name: `Accept the invitation of ${name}` }).click()
  await expect(page.getByText('Member since')).toBeVisible()
  await expect(page.getByText('You are invited')).toHaveCount(0)
  await look('account-organisations')
  await page.getByRole('button', { name: `Leave ${name}` }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Leave' }).click()
  await expect(page.getByText('You belong to no organisation')).toBeVisible()
})

test('API keys: shown once, used, ended', async ({ page, server, look }) => {
  const who = server.person('robot')
  await signIn(page, who)
  await visit(page, 'API keys')
  await expect(page.getByText('You have no API key')).toBeVisible()
  await look('account-keys-none')
  await page.getByRole('link', { name: 'New API key' }).click()
  await page.getByRole('button', { name: 'Make the key' }).click()
  await expect(page.getByText('Give it a name')).toBeVisible()
  await expect(page.getByText('cardea:admin')).toHaveCount(0) // who may administer nothing is not offered it
  await page.getByLabel('Name').fill('nightly <backup>')
  await page.getByLabel('Ends after').selectOption('7')
  await page.getByLabel('Manage your account').check()
  await look('account-key-new')
  await wantProof(page, '/account/apikeys', 'POST')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await prove(page)
  await expect(page.getByText('Copy it now')).toBeVisible()
  const secret = await page.getByLabel('nightly <backup>').inputValue()
  expect(secret).toMatch(/^cdk_/)
  await look('account-key-made')
  const profile = await fetch(server.origin + '/account/profile', { headers: { 'X-API-Key': secret } })
  expect(await profile.json()).toMatchObject({ email: who })

  await visit(page, 'API keys') // by mistake
  await expect(page.getByText('Leave without the key?')).toBeVisible()
  await page.getByRole('button', { name: 'Stay' }).click()
  await expect(page.getByLabel('nightly <backup>')).toHaveValue(secret)
  await page.getByRole('link', { name: 'I have stored it' }).click()
  await expect(page.getByText('ends soon')).toBeVisible()
  expect(await page.content()).not.toContain(secret)
  await look('account-keys')
  await page.getByRole('button', { name: 'End nightly <backup>' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'End' }).click()
  await expect(page.getByText('You have no API key')).toBeVisible()
  expect((await fetch(server.origin + '/account/profile', { headers: { 'X-API-Key': secret } })).status).toBe(401)
})

test('activity: newest first, page by page', async ({ page, server, look }) => {
  const who = server.person('busy')
  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(who)
  await page.getByLabel('Password', { exact: true }).fill('not this one')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('alert')).toBeVisible()
  await signIn(page, who)
  for (let i = 0; i < 27; i++) {
    await page.evaluate(async (name) => {
      const csrf = document.cookie.split('; ').find((c) => c.includes('csrf'))!.split('=')[1]!
      await fetch('/account/profile', { method: 'PATCH', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }, body: JSON.stringify({ name }) })
    }, `Name ${i}`)
  }
  await visit(page, 'Activity')
  await expect(page.getByText('Profile changed')).toBeVisible()
  await expect(page.getByText('25 times')).toBeVisible()
  await expect(page.getByText('Was this you?')).toHaveCount(0)
  await page.getByRole('button', { name: 'Show more' }).click()
  await expect(page.getByText('27 times')).toBeVisible()
  await expect(page.getByText('Sign-in with a wrong password')).toBeVisible()
  await expect(page.getByText('Was this you?')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Show more' })).toHaveCount(0)
  await page.getByText('Was this you?').scrollIntoViewIfNeeded()
  await look('account-activity')
})

test('data: a copy, and the end of the account', async ({ page, browser, server, allowed, faults, look }) => {
  const who = server.person('leaver')
  await signIn(page, who)
  const other = await elsewhere(browser, server, allowed, faults, who, iPhone)
  await visit(page, 'Your data')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()])
  expect(download.suggestedFilename()).toMatch(/^account-\d{4}-\d\d-\d\d\.json$/)
  expect(JSON.parse(readFileSync(await download.path(), 'utf8'))).toMatchObject({ user: { email: who } })
  await page.getByRole('button', { name: 'Delete account' }).click()
  await page.getByRole('button', { name: 'Delete for good' }).click()
  await expect(page.getByText('This is something else')).toBeVisible()
  await look('account-data')
  await page.getByLabel(`Type ${who}`).fill(who.toUpperCase())
  await wantProof(page, '/account', 'DELETE')
  await page.getByRole('button', { name: 'Delete for good' }).click()
  await prove(page)
  await page.waitForURL('**/sign-in?why=account_deleted')
  await expect(page.getByText('Your account is deleted')).toBeVisible()
  await look('account-deleted')
  await signInHere(page, who)
  await expect(page.getByRole('alert')).toContainText('The address or the password is wrong')
  await visit(other, 'Devices')
  await expect(other.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible()
  await other.context().close()
})

test('preferences hold at once and in other tabs', async ({ page, context, server, look }) => {
  await signIn(page, server.person('chooser'))
  const other = await context.newPage()
  await other.goto('/account/preferences')
  await visit(page, 'Preferences')
  await look('account-preferences')
  await page.getByLabel('Dark').check()
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(16, 22, 21)')
  await expect(other.getByLabel('Dark')).toBeChecked()
  await page.getByLabel('Deutsch').check()
  await expect(page.getByRole('heading', { name: 'Darstellung', level: 1 })).toBeVisible()
  await page.reload()
  await expect(page.getByLabel('Deutsch')).toBeChecked()
  for (const name of ['Profil', 'Sicherheit', 'Geräte', 'Aktivität', 'Anwendungen', 'Organisationen', 'API-Schlüssel', 'Ihre Daten']) {
    await page.getByRole('navigation', { name: 'Ihr Konto' }).getByRole('link', { name, exact: true }).click()
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  }
  await look('account-german')
})

test('a form outlives the end of the session and a lost connection', async ({ page, context, server, faults }) => {
  const who = server.person('keeper')
  await signIn(page, who)
  await page.goto('/account/keys/new')
  await page.getByLabel('Name').fill('deploy')
  await page.getByLabel('Ends after').selectOption('30')
  await page.getByLabel('Manage your account').check()

  await context.setOffline(true)
  await page.getByRole('button', { name: 'Make the key' }).click()
  await expect(page.getByRole('alert')).toContainText('cannot be reached')
  await context.setOffline(false)
  server.cli('session', 'revoke', who, '--all')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await expect(page.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible()
  await expect(page.getByLabel('Name')).toHaveValue('deploy')
  await expect(page.getByLabel('Ends after')).toHaveValue('30')
  await signInAgain(page)
  await expect(page.getByText('Copy it now')).toBeVisible() // the key is made without asking for it again
  faults.splice(0, faults.length, ...faults.filter((f) => !f.includes('ERR_INTERNET_DISCONNECTED')))
})

test('a page that could not be fetched comes by itself when one has signed in again, or on request', async ({ page, context, server, faults, look }) => {
  const who = server.person('broken')
  await signIn(page, who)
  await page.route('**/account/events*', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ status: 503, code: 'too_busy', title: '', detail: '', type: 'about:blank', request_id: 'abc' }) }))
  await visit(page, 'Activity')
  await expect(page.getByRole('heading', { name: 'This page could not be shown' })).toBeVisible({ timeout: 20_000 }) // after two more tries
  await look('account-broken')
  await page.unroute('**/account/events*')
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(page.getByRole('heading', { name: 'Activity' })).toBeVisible()
  await context.setOffline(true)
  await visit(page, 'Devices')
  await expect(page.getByText('cannot be reached')).toBeVisible({ timeout: 20_000 })
  await context.setOffline(false)
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(page.getByText('This device', { exact: true })).toBeVisible()
  faults.splice(0, faults.length, ...faults.filter((f) => !/ERR_INTERNET_DISCONNECTED|503/.test(f)))
})

test('by keyboard: change a preference, ask and think again', async ({ page, server }) => {
  const who = server.person('typist')
  await signIn(page, who)
  await visit(page, 'Preferences')
  await page.getByLabel('As the system').focus()
  await page.keyboard.press('ArrowDown')
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light')
  const org = (JSON.parse(server.cli('org', 'add', 'Keys & Co', '--json')) as { id: string }).id
  server.cli('org', 'invite', org, who)
  await visit(page, 'Organisations')
  await page.getByRole('button', { name: /Accept/ }).focus()
  await page.keyboard.press('Enter')
  await expect(page.getByText('Member since')).toBeVisible()
  await page.getByRole('button', { name: 'Leave Keys & Co' }).focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alertdialog')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('alertdialog')).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'Leave Keys & Co' })).toBeFocused()
})
