import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Page } from '@playwright/test'

import { demo, expect, signIn, test } from './guards'
import type { Server } from './server'

/** Signs in as the administrator of the demo tenant and opens a page of the administration. */
async function open(page: Page, path: string): Promise<void> {
  await signIn(page, demo.admin)
  await page.goto('/admin' + path)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
}

/** Waits until no dialog is there, its shade included. */
async function closed(page: Page): Promise<void> {
  await expect(page.getByRole('dialog').filter({ has: page.getByRole('heading') })).toHaveCount(0)
}

/** A file with a text, for commands. */
function file(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'cardea-ui-')), 'rules.cedar')
  writeFileSync(path, text)
  return path
}

/** An application that asks by AuthZEN whether somebody may do something. */
function asker(server: Server, name: string): (who: string, action: string, resource: string, properties?: object) => Promise<boolean> {
  const app = JSON.parse(server.cli('app', 'create', name, '--type', 'service', '--json')) as { client_id: string }
  const service = `service:${app.client_id}`
  server.cli('role', 'assign', 'cardea:viewer', service)
  const { key } = JSON.parse(server.cli('apikey', 'create', service, 'asks', '--scope', 'cardea:admin', '--json')) as { key: string }
  return async (who, action, resource, properties = {}) => {
    const [type, id] = resource.split(':')
    const answer = await fetch(server.origin + '/access/v1/evaluation', {
      method: 'POST', headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
      body: JSON.stringify({ subject: { type: 'user', id: who }, action: { name: action }, resource: { type, id, properties } }),
    })
    expect(answer.status).toBe(200)
    return ((await answer.json()) as { decision: boolean }).decision
  }
}

const userID = (server: Server, address: string) => (JSON.parse(server.cli('user', 'show', address, '--json')) as { id: string }).id

test('the log of decisions: turned on, filtered, one with its reason, decided again, what if', async ({ page, server, look }) => {
  test.slow()
  await open(page, '/decisions')
  await expect(page.getByText('No decisions are kept')).toBeVisible()
  await look('admin-decisions-off')
  await page.getByRole('button', { name: 'Keep decisions' }).click()
  await page.getByLabel('Share in per cent').fill('100')
  await page.getByLabel('Days').fill('91')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  expect(await page.getByLabel('Days').evaluate((e: HTMLInputElement) => e.validity.rangeOverflow)).toBe(true)
  await page.getByLabel('Days').fill('3')
  await look('admin-decisions-settings')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await closed(page)
  await expect(page.getByText('100% of the decisions are kept for 3 days.')).toBeVisible()
  await expect(page.getByText('As soon as an application asks')).toBeVisible()

  server.cli('authz', 'policy', 'create', 'guard')
  server.cli('authz', 'policy', 'write', 'guard', file('@id("closed")\nforbid(principal, action == Action::"invoice:delete", resource)\nwhen { resource has closed && resource.closed };'))
  server.cli('authz', 'policy', 'activate', 'guard', '1')
  server.cli('authz', 'plan', 'set', 'invoice', '--roles', '--policies', 'guard')
  const [alice, bob] = [userID(server, demo.editor), userID(server, demo.viewer)]
  const ask = asker(server, 'Billing')
  expect(await ask(alice, 'invoice:delete', 'invoice:1')).toBe(true)
  expect(await ask(alice, 'invoice:delete', 'invoice:2', { closed: true })).toBe(false)
  expect(await ask(bob, 'invoice:delete', 'invoice:1')).toBe(false)
  expect(await ask(bob, 'invoice:read', 'invoice:1')).toBe(true)
  expect(await ask('<script>throw 1</script>\u202e', 'invoice:read', 'invoice:' + 'Donaudampfschiff'.repeat(8), { note: '<img src=x onerror=throw>' })).toBe(false)
  await expect(async () => {
    await page.reload()
    await expect(page.getByRole('row')).toHaveCount(6, { timeout: 2000 })
  }).toPass()
  await expect(page.getByRole('row').filter({ hasText: 'invoice:2' })).toContainText('The policy closed forbids it (guard, version 1, line 1).')
  await expect(page.getByRole('row').filter({ hasText: 'has the role viewer' })).toContainText(demo.viewer)
  await look('admin-decisions')
  expect(await page.evaluate(() => document.querySelectorAll('#root script, #root img').length)).toBe(0)

  // Filters, which stand in the address.
  await page.getByLabel('Outcome').selectOption('denied')
  await page.getByRole('combobox', { name: 'Who' }).fill('alice')
  await page.getByRole('option', { name: demo.editor }).click()
  await page.getByRole('button', { name: 'Filter' }).click()
  await expect(page.getByRole('row')).toHaveCount(2)
  await expect(page).toHaveURL(/outcome=denied/)
  await page.reload()
  await expect(page.getByRole('row')).toHaveCount(2)
  await page.getByRole('button', { name: 'Show all' }).click()
  await expect(page.getByRole('row')).toHaveCount(6)
  for (const [field, value, rows] of [['Resource', 'invoice:1', 4], ['Resource', 'folder', 0], ['Action', 'invoice:read', 3], ['Until', '2020-01-01T00:00', 0], ['From', '2020-01-01T00:00', 6]] as const) {
    await page.goto('/admin/decisions')
    await page.getByLabel(field, { exact: true }).fill(value)
    await page.getByRole('button', { name: 'Filter' }).click()
    if (rows) await expect(page.getByRole('row')).toHaveCount(rows)
    else await expect(page.getByText('Nothing fits.')).toBeVisible()
  }

  // One decision, decided again by what was then.
  await page.goto('/admin/decisions?resource=invoice:2')
  await page.getByRole('row').nth(1).getByRole('link').last().click()
  await expect(page.getByRole('heading', { name: 'Denied' })).toBeVisible()
  await expect(page.getByText('"closed": true')).toBeVisible()
  await expect(page.getByText('Billing')).toBeVisible()
  server.cli('authz', 'policy', 'write', 'guard', file('@id("nobody")\nforbid(principal, action == Action::"nothing", resource);'))
  server.cli('authz', 'policy', 'activate', 'guard', '2')
  await page.getByRole('button', { name: 'Decide again' }).click()
  await expect(page.getByText('The same again')).toBeVisible()
  await look('admin-decision')
  await page.getByRole('link', { name: 'guard, version 1, line 1' }).first().click()
  const policies = page.getByRole('textbox', { name: 'Policies', exact: true })
  await expect(policies).toHaveValue(/@id\("closed"\)/)
  await expect(policies).toBeFocused()

  // What if: the draft in the editor, over the log.
  await policies.fill('@id("no-alice")\nforbid(principal == User::"' + alice + '", action, resource);')
  await page.getByRole('link', { name: 'What would change?' }).click()
  await expect(page.getByRole('textbox', { name: 'Draft of guard' })).toHaveValue(/no-alice/)
  await page.getByRole('button', { name: 'See what would change' }).click()
  const found = page.getByRole('region', { name: 'Result', exact: true })
  await expect(found.getByText('Asked again', { exact: true })).toBeVisible()
  await expect(found.locator('dd')).toHaveText(['5', '0', '2'])
  await expect(found.getByRole('row').filter({ hasText: 'invoice:2' })).toContainText('The policy no-alice forbids it (draft of guard, line 1).')
  await look('admin-simulate')
  await page.getByRole('textbox', { name: 'Draft of guard' }).fill('forbid(')
  await expect(page.getByRole('button', { name: /^Line 1, column/ })).toBeVisible()
  await page.getByRole('button', { name: 'Leave guard as it is' }).click()

  const roles = page.getByRole('group', { name: 'Roles, groups and organisations' })
  await roles.getByLabel('Added').fill('nonsense')
  await page.getByRole('button', { name: 'See what would change' }).click()
  await expect(page.getByText('This is no tuple: nonsense')).toBeVisible()
  await roles.getByLabel('Added').fill(`user:${bob} assignee role:editor`)
  await roles.getByLabel('Removed').fill(`user:${alice} assignee role:editor`)
  await page.getByRole('button', { name: 'See what would change' }).click()
  await expect(found.locator('dd')).toHaveText(['5', '1', '2'])

  await page.getByText('One question').click()
  await page.getByLabel('Who', { exact: true }).fill(`user:${bob}`)
  await page.getByLabel('Action', { exact: true }).fill('invoice:delete')
  await page.getByLabel('Resource', { exact: true }).fill('invoice:9')
  await page.getByRole('button', { name: 'See what would change' }).click()
  await expect(page.getByText('The answer would change')).toBeVisible()
  await expect(page.getByText('has the role')).toHaveCount(2) // in the sentence and on the way
  await look('admin-simulate-question')
  expect(await ask(bob, 'invoice:delete', 'invoice:9')).toBe(false) // nothing was written

  // What it rested on is gone: it is said, and is no fault.
  await page.goto('/admin/decisions?resource=invoice:2')
  const kept = await page.getByRole('row').nth(1).getByRole('link').last().getAttribute('href')
  server.cli('authz', 'plan', 'remove', 'invoice')
  server.cli('authz', 'policy', 'delete', 'guard')
  await page.goto(kept!)
  await page.getByRole('button', { name: 'Decide again' }).click()
  await expect(page.getByText('It can no longer be decided again').or(page.getByText('The same again'))).toBeVisible()
  await look('admin-decision-gone')
  await page.goto('/admin/decisions')
  await page.getByRole('button', { name: 'What is kept' }).click()
  await page.getByRole('button', { name: 'Turn off' }).click()
  await closed(page)
  await expect(page.getByText('No decisions are kept')).toBeVisible()
  expect(JSON.parse(server.cli('authz', 'log', 'list', '--decision', 'denied', '--subject', 'user:' + demo.editor, '--json'))).toHaveLength(1)
})

test('in German', async ({ page, server }) => {
  await page.goto('/sign-in')
  await page.getByLabel('Language').selectOption('de')
  await page.getByLabel('E-Mail-Adresse').fill(demo.admin)
  await page.getByLabel('Passwort', { exact: true }).fill(demo.password)
  await page.getByRole('button', { name: 'Anmelden' }).click()
  await page.waitForURL('**/account')
  server.cli('authz', 'policy', 'create', 'deutsch')
  for (const [path, heading] of [['/policies', 'Richtlinien'], ['/policies/deutsch', 'deutsch'], ['/plans', 'Entscheidungspläne'], ['/decisions', 'Entscheidungsprotokoll'], ['/decisions/simulate', 'Was wäre wenn?']] as const) {
    await page.goto('/admin' + path)
    await expect(page.getByRole('heading', { level: 1, name: heading })).toBeVisible()
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    expect(sideways).toBeLessThanOrEqual(0)
  }
})
