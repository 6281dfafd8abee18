import { readFileSync } from 'node:fs'

import type { Page } from '@playwright/test'

import { demo, expect, signIn, test } from './guards'
import type { Server } from './server'

// What few people ever press, and what must still hold when they do.

/** Signs in as the administrator of the demo tenant and opens a page of the administration. */
async function open(page: Page, path: string): Promise<void> {
  await signIn(page, demo.admin)
  await page.goto('/admin' + path)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
}

/** Presses a button and answers the question that it asks. */
async function sure(page: Page, button: string | RegExp, answer: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: typeof button === 'string' }).first().click()
  const dialog = page.getByRole('alertdialog')
  await dialog.getByRole('button', { name: answer, exact: true }).click()
  await expect(dialog).toHaveCount(0)
}

const made = (server: Server, ...words: string[]) => (JSON.parse(server.cli(...words, '--json')) as { id: string }).id

test('an organisation is refused and let in again', async ({ page, server, look }) => {
  const org = made(server, 'org', 'add', 'Refused Ltd')
  await open(page, `/organisations/${org}`)
  await sure(page, 'Disable', 'Disable')
  await expect(page.getByRole('button', { name: 'Enable' })).toBeVisible()
  expect(JSON.parse(server.cli('org', 'show', org, '--json'))).toMatchObject({ disabled: true })
  await look('admin-organisation-disabled')
  await sure(page, 'Enable', 'Enable')
  await expect(page.getByRole('button', { name: 'Disable' })).toBeVisible()
  expect(JSON.parse(server.cli('org', 'show', org, '--json'))).toMatchObject({ disabled: false })
})

test('a person is exported, and erased from the audit log, which can still be verified', async ({ page, server }) => {
  const who = server.person('leaver')
  const id = (JSON.parse(server.cli('user', 'show', who, '--json')) as { id: string }).id
  await open(page, `/users/${id}`)
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export all data' }).click()])
  const data = JSON.parse(readFileSync(await file.path(), 'utf8')) as { user: { email: string }; events: { kind: string }[] }
  expect(data.user.email).toBe(who)
  expect(data.events.map((e) => e.kind)).toContain('user.created')
  await sure(page, 'Erase from the audit log', 'Erase from the audit log')
  await expect(page.getByText('The personal part is erased')).toBeVisible()
  await page.goto('/admin/audit')
  await page.getByRole('button', { name: 'Verify' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Verify' }).click()
  await expect(page.getByText('The log is whole')).toBeVisible()
})

test('a signing key is revoked: what it has signed is refused, and the console goes on', async ({ page, server, look }) => {
  await open(page, '/keys')
  const before = JSON.parse(server.cli('keys', 'list', '--json')) as { kid: string; id: string; purpose: string; state: string }[]
  const active = before.find((k) => k.purpose === 'token' && k.state === 'active')!
  const kid = active.kid ?? active.id
  await sure(page, `Revoke the key ${kid}?`, 'Revoke')
  await expect(page.getByText('revoked', { exact: true }).first()).toBeVisible()
  await look('admin-key-revoked')
  await page.goto('/admin/users') // with a token that another key has signed
  await expect(page.getByRole('link', { name: demo.viewer })).toBeVisible()
})

test('an invitation is declined', async ({ page, server, look }) => {
  const who = server.person('unwilling')
  const org = made(server, 'org', 'add', 'Persistent & Sons')
  server.cli('org', 'invite', org, who)
  await signIn(page, who)
  await page.goto('/account/organisations')
  await page.getByRole('button', { name: 'Decline the invitation of Persistent & Sons' }).click()
  await expect(page.getByText('The invitation of Persistent & Sons is declined')).toBeVisible()
  await expect(page.getByText('You are invited')).toHaveCount(0)
  await page.context().clearCookies()
  await open(page, `/organisations/${org}`)
  await page.getByRole('tab', { name: 'Invitations' }).click()
  await expect(page.getByText('accepted, declined or withdrawn')).toBeVisible()
  await look('admin-invitation-declined')
})

test('an API key is replaced, and the old one works meanwhile', async ({ page, server, look }) => {
  const who = server.person('rotator')
  const old = (JSON.parse(server.cli('apikey', 'create', who, 'nightly', '--scope', 'cardea:account', '--json')) as { key: string }).key
  await signIn(page, who)
  await page.goto('/account/keys')
  await sure(page, 'Replace nightly', 'Replace')
  await expect(page.getByText('Copy it now')).toBeVisible()
  const next = await page.getByLabel('nightly').inputValue()
  await look('account-key-replaced')
  for (const key of [old, next]) {
    const answer = await fetch(server.origin + '/account/profile', { headers: { 'X-API-Key': key } })
    expect(await answer.json()).toMatchObject({ email: who })
  }
  expect(next).not.toBe(old)
  await page.getByRole('link', { name: 'I have stored it' }).click()
  await expect(page.getByRole('button', { name: 'Replace nightly' }).first()).toBeVisible()
  expect(await page.content()).not.toContain(next)
})

test('two tabs that begin anew at once stay signed in, each with a token of its own', async ({ page, context, server }) => {
  await open(page, '/users')
  const other = await context.newPage()
  await other.goto('/admin/roles')
  const tokens: string[] = []
  context.on('response', async (r) => {
    if (r.url() === server.origin + '/session/token') tokens.push(((await r.json().catch(() => ({}))) as { access_token?: string }).access_token ?? '')
  })
  for (let i = 0; i < 3; i++) await Promise.all([page.reload(), other.reload()])
  await expect(page.getByRole('link', { name: demo.viewer })).toBeVisible()
  await expect(other.getByRole('link', { name: 'editor' })).toBeVisible()
  await expect.poll(() => new Set(tokens.filter(Boolean)).size).toBeGreaterThanOrEqual(2)
})

test('a write without the token of the session, or from another site, is refused', async ({ page, context, server, allowed, faults }) => {
  await signIn(page, server.person('victim'))
  const refused = await page.evaluate(async () => {
    const change = (headers: Record<string, string>) =>
      fetch('/account/profile', { method: 'PATCH', headers: { 'Content-Type': 'application/json', ...headers }, body: '{"name":"Mallory"}' }).then(async (r) => [r.status, ((await r.json()) as { code: string }).code])
    return [await change({}), await change({ 'X-CSRF-Token': 'a'.repeat(43) })]
  })
  expect(refused).toEqual([[403, 'csrf_failed'], [403, 'csrf_failed']])

  // The same from a page of another site, with the cookies that the browser sends along.
  const evil = 'http://127.0.0.1:65001'
  allowed.add(evil)
  const there = await context.newPage()
  await there.route(evil + '/**', (route) =>
    route.fulfill({ contentType: 'text/html', body: `<!doctype html><title>evil</title><form method="post" enctype="text/plain" action="${server.origin}/account/sessions"><button>Win</button></form>` }),
  )
  await there.goto(evil)
  const [answer] = await Promise.all([there.waitForResponse((r) => r.url().startsWith(server.origin)), there.getByRole('button', { name: 'Win' }).click()])
  expect(answer.status()).toBeGreaterThanOrEqual(400)
  const read = await there.goto(evil).then(() => there.evaluate((o) => fetch(o + '/account/profile', { credentials: 'include' }).then(() => 'read', () => 'refused'), server.origin))
  expect(read).toBe('refused')
  faults.splice(0, faults.length, ...faults.filter((f) => !/CORS|Cross-Origin|ERR_FAILED/.test(f)))
  await page.reload()
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('')
})

const hostile = {
  script: '<script>throw 1</script><img src=x onerror=throw>"\'{{7*7}}',
  long: 'Donaudampfschifffahrtsgesellschaft'.repeat(5).slice(0, 160),
  turned: 'مرحبا بالعالم 👩🏽‍🚀',
}

for (const [kind, text] of Object.entries(hostile)) {
  test(`what is ${kind} is text in every field that somebody fills`, async ({ page, server, look }) => {
    const who = made(server, 'user', 'add', `${kind}-text@example.com`, '--verified', '--name', text)
    const org = made(server, 'org', 'add', text)
    const app = JSON.parse(server.cli('app', 'create', text, '--type', 'service', '--json')) as { client_id: string }
    server.cli('role', 'create', `role-${kind}`, '--description', text, '--permission', kind === 'long' ? text : `${text.slice(0, 40)}:read`)
    server.cli('role', 'assign', `role-${kind}`, `${kind}-text@example.com`, '--org', org)
    server.cli('scope', 'declare', `scope-${kind}`, text)
    const group = kind === 'long' ? text.slice(0, 90) : `group-${kind}` // names of groups are plain
    server.cli('group', 'add', group, `${kind}-text@example.com`)
    server.cli('apikey', 'create', `service:${app.client_id}`, text)
    server.cli('org', 'member', 'add', org, `${kind}-text@example.com`)
    await open(page, '')
    const pages = {
      user: `/users/${who}`, organisation: `/organisations/${org}`, application: `/applications/${app.client_id}?tab=keys`, role: `/roles/role-${kind}`, roles: '/roles', scopes: '/scopes',
      groups: '/groups', group: `/groups/${group}`, explorer: `/explorer?subject=user:${who}&action=${encodeURIComponent(text.slice(0, 60))}`, audit: '/audit',
    }
    for (const [name, path] of Object.entries(pages)) {
      await page.goto('/admin' + path)
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
      await expect(page.getByRole('status').filter({ hasText: 'Loading' })).toHaveCount(0)
      await look(`hostile-${kind}-${name}`)
    }
    expect(await page.evaluate(() => document.querySelectorAll('#root script, #root img').length)).toBe(0)
  })
}

test('the consoles at twice the size: everything is reached, nothing sticks out', async ({ page, look }) => {
  await page.setViewportSize({ width: 550, height: 400 }) // 200 % of a window of 1100 by 800 (WCAG 2.2, 1.4.4)
  await open(page, '/settings')
  await look('zoomed-settings')
  await page.getByRole('button', { name: 'Save' }).scrollIntoViewIfNeeded()
  await expect(page.getByRole('button', { name: 'Save' })).toBeInViewport()
  await page.getByRole('button', { name: 'Menu' }).click()
  await page.getByRole('link', { name: 'Users' }).click()
  await page.getByRole('button', { name: 'Add a user' }).first().click()
  const send = page.getByRole('dialog').getByRole('button', { name: 'Add a user' })
  await send.scrollIntoViewIfNeeded()
  await expect(send).toBeInViewport()
  await look('zoomed-dialog')
})

test('nothing moves in the consoles for whoever asks for that', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await open(page, '/users')
  await page.getByRole('button', { name: 'Add a user' }).first().click()
  const moving = await page.getByRole('dialog').evaluate((dialog) =>
    [dialog, ...dialog.querySelectorAll('*')].map((e) => Math.max(...[...getComputedStyle(e).transitionDuration.split(','), ...getComputedStyle(e).animationDuration.split(',')].map(parseFloat))),
  )
  expect(Math.max(...moving)).toBeLessThan(0.01)
})
