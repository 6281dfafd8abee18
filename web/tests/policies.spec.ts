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

/** Answers the question that a button asks. */
async function sure(page: Page, answer: string): Promise<void> {
  const dialog = page.getByRole('alertdialog')
  await dialog.getByRole('button', { name: answer, exact: true }).click()
  await expect(dialog).toHaveCount(0)
}

/** Waits until no dialog is there, its shade included. */
async function closed(page: Page): Promise<void> {
  await expect(page.getByRole('dialog').filter({ has: page.getByRole('heading') })).toHaveCount(0)
}

/** A file with a text, for commands. */
function policyFile(text: string, name = 'rules.cedar'): string {
  const path = join(mkdtempSync(join(tmpdir(), 'cardea-ui-')), name)
  writeFileSync(path, text)
  return path
}

const decided = (server: Server, ...question: string[]) => {
  try {
    return server.cli('check', ...question)
  } catch (cause) {
    return (cause as { stdout: string }).stdout
  }
}

const rules = `@id("own-invoices")
permit(principal, action == Action::"write", resource is Invoice)
when { resource.owner == principal.id };
`

test('a policy set: written, checked while typing, activated, changed, rolled back, deleted', async ({ page, server, look }) => {
  test.slow()
  await open(page, '/policies')
  await look('admin-policies-none')
  await page.getByRole('button', { name: 'New policy set' }).first().click()
  await page.getByLabel('Name', { exact: true }).fill('Bad Name')
  await page.getByLabel('What it is for').fill('Who may change invoices')
  await page.getByRole('dialog').getByRole('button', { name: 'New policy set' }).click()
  await expect(page.getByRole('dialog').getByRole('alert').first()).toBeVisible()
  await page.getByLabel('Name', { exact: true }).fill('invoices')
  await page.getByRole('dialog').getByRole('button', { name: 'New policy set' }).click()
  await expect(page.getByRole('heading', { name: 'invoices' })).toBeVisible()
  await closed(page)
  const check = page.getByRole('region', { name: 'Check' })
  await expect(check.getByText('The policies are sound')).toBeVisible() // the example

  // What is wrong is said while one types, and leads to its place.
  const policies = page.getByRole('textbox', { name: 'Policies', exact: true })
  await policies.fill(rules.replace('resource is Invoice)', 'resource is Invoice'))
  await expect(check.getByText('1 mistake')).toBeVisible()
  await look('admin-policy-wrong')
  await page.getByRole('button', { name: /^Line 3, column \d+/ }).click()
  await expect(policies).toBeFocused()
  expect(await policies.evaluate((e: HTMLTextAreaElement) => e.value.slice(0, e.selectionStart).split('\n').length)).toBe(3)
  await policies.fill(rules)
  await expect(check.getByText('The policies are sound')).toBeVisible()

  // Cases: by a form, and in the text.
  await page.getByRole('button', { name: 'Add a case' }).click()
  await page.getByLabel('What it shows').fill('her own')
  await page.getByLabel('Wants to do').fill('write')
  await page.getByLabel('To what').fill('invoice')
  await page.getByRole('dialog').getByRole('button', { name: 'Add a case' }).click()
  await expect(page.getByRole('dialog').getByText('Write it as type:id')).toBeVisible()
  await page.getByLabel('To what').fill('invoice:1')
  await page.getByLabel('Properties of the resource').fill('{"owner": "alice"}')
  await look('admin-policy-case')
  await page.getByRole('dialog').getByRole('button', { name: 'Add a case' }).click()
  await closed(page)
  const cases = page.getByRole('textbox', { name: 'Cases', exact: true })
  await expect(check.getByText('Its case passes.')).toBeVisible()
  await page.getByRole('button', { name: 'Add a case' }).click()
  await page.getByLabel('What it shows').fill('somebody else’s')
  await page.getByLabel('Wants to do').fill('write')
  await page.getByLabel('To what').fill('invoice:2')
  await page.getByLabel('Properties of the resource').fill('{"owner": "bob"}')
  await page.getByRole('dialog').getByRole('button', { name: 'Add a case' }).click()
  await closed(page)
  await expect(check.getByText('1 of 2 cases fails.')).toBeVisible()
  await expect(check.getByText('expected: permit; got: no policy applies')).toBeVisible()
  await look('admin-policy-case-fails')
  const good = await cases.inputValue()
  await cases.fill(good + ',')
  await expect(page.getByText('This is no JSON from here on.')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Write a version' })).toBeDisabled()
  await cases.fill(good.replace('"permit"', '"maybe"'))
  await expect(page.getByText(/^0\/expect|expect:/).first()).toBeVisible()
  await cases.fill(good)

  // Nothing that was typed is lost: by a reload, and by a page in between.
  await page.getByLabel('What changes').fill('first <b>try</b>')
  await page.reload()
  await expect(page.getByText('What you typed before is here again')).toBeVisible()
  await expect(page.getByRole('textbox', { name: 'Policies', exact: true })).toHaveValue(rules)
  await page.getByRole('link', { name: 'Roles' }).first().click()
  await expect(page.getByRole('heading', { name: 'Roles' })).toBeVisible()
  await page.goBack()
  await expect(page.getByRole('textbox', { name: 'Policies', exact: true })).toHaveValue(rules)
  await expect(page.getByLabel('What changes')).toHaveValue('first <b>try</b>')
  await look('admin-policy-restored')

  // A version whose cases fail is written, and not activated.
  await page.getByRole('button', { name: 'Write a version' }).click()
  const first = page.getByRole('row').filter({ hasText: 'first <b>try</b>' })
  await expect(first).toBeVisible()
  await expect(first.locator('a[href^="/admin/users/"]')).toBeVisible() // by whatever name another test has given it
  await page.getByRole('button', { name: 'Activate version 1' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Activate', exact: true }).click()
  await expect(page.getByRole('alertdialog').getByRole('alert')).toContainText('Cases of this version fail')
  await look('admin-policy-refused')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Run the cases of version 1' }).click()
  await expect(page.getByRole('dialog').getByText('1 of 2 cases fails.')).toBeVisible()
  await look('admin-policy-cases-run')
  await page.keyboard.press('Escape')
  await closed(page)

  await page.getByRole('tab', { name: 'Write' }).click()
  await page.getByRole('tab', { name: 'Cases' }).click()
  await page.getByRole('textbox', { name: 'Cases', exact: true }).fill(good.replace(/"permit"(?=\s*}\s*\]\s*$)/, '"none"'))
  await expect(check.getByText('All 2 cases pass.')).toBeVisible()
  await page.getByLabel('What changes').fill('the case is right')
  await page.getByRole('button', { name: 'Write a version' }).click()
  await page.getByRole('button', { name: 'Activate version 2' }).click()
  await sure(page, 'Activate')
  await expect(page.getByRole('row').filter({ hasText: 'the case is right' }).getByText('decides')).toBeVisible()
  server.cli('authz', 'plan', 'set', 'invoice', '--policies', 'invoices')
  expect(decided(server, 'user:alice', 'write', 'invoice:1', '--resource', '{"owner":"alice"}')).toContain('allowed: Policy own-invoices')

  // Another version forbids something more; what differs is shown.
  await page.getByRole('tab', { name: 'Write' }).click()
  const more = `${rules}
@id("sealed")
forbid(principal, action, resource)
when { resource has sealed && resource.sealed };
`
  await page.getByRole('textbox', { name: 'Policies', exact: true }).fill(more.replace('== principal.id', '== principal.id && resource.open'))
  await expect(check.getByText('1 of 2 cases fails.')).toBeVisible() // resource.open is missing
  await page.getByRole('textbox', { name: 'Policies', exact: true }).fill(more)
  await expect(check.getByText('All 2 cases pass.')).toBeVisible()
  await page.getByLabel('What changes').fill('sealed invoices')
  await page.evaluate(() => scrollTo(0, 0))
  await look('admin-policy')
  await page.getByRole('button', { name: 'Write a version' }).click()
  await page.getByRole('link', { name: 'Compare version 3' }).click()
  await expect(page.getByRole('heading', { name: 'sealed added' })).toBeVisible()
  await expect(page.getByRole('heading', { name: /own-invoices/ })).toHaveCount(0)
  await look('admin-policy-compare')
  await page.getByLabel('Before').selectOption('1')
  await expect(page.getByRole('region', { name: 'Differences of Cases' })).toContainText('"none"')
  await page.getByRole('tab', { name: 'Versions' }).click()
  await page.getByRole('button', { name: 'Activate version 3' }).click()
  await sure(page, 'Activate')
  await expect(page.getByText('decided before')).toBeVisible()
  await closed(page)
  await look('admin-policy-versions')
  const sealed = ['user:alice', 'write', 'invoice:1', '--resource', '{"owner":"alice","sealed":true}']
  expect(decided(server, ...sealed)).toContain('denied: Policy sealed')
  await page.getByRole('button', { name: 'Roll back' }).click()
  await sure(page, 'Roll back')
  await expect(page.getByRole('row').filter({ hasText: 'the case is right' }).getByText('decides', { exact: true })).toBeVisible()
  expect(decided(server, ...sealed)).toContain('allowed')

  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('alertdialog').getByRole('alert')).toContainText('A decision plan names this policy set')
  await page.keyboard.press('Escape')
  await page.goto('/admin/policies')
  await expect(page.getByRole('row').filter({ hasText: 'invoices' }).getByText('Version 2')).toBeVisible()
  await look('admin-policies')
  server.cli('authz', 'plan', 'remove', 'invoice')
  await page.getByRole('link', { name: 'invoices' }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  await sure(page, 'Delete')
  await expect(page).toHaveURL(/\/admin\/policies$/)
  await expect(page.getByRole('link', { name: 'invoices' })).toHaveCount(0)
})

test('a draft is discarded only when asked for, and another version waits until then', async ({ page, server }) => {
  server.cli('authz', 'policy', 'create', 'kept')
  server.cli('authz', 'policy', 'write', 'kept', policyFile('permit(principal, action, resource);'))
  server.cli('authz', 'policy', 'write', 'kept', policyFile('forbid(principal, action, resource);'))
  await open(page, '/policies/kept?version=1')
  const policies = page.getByRole('textbox', { name: 'Policies', exact: true })
  await expect(policies).toHaveValue('permit(principal, action, resource);')
  await policies.fill('// mine')
  await page.getByRole('tab', { name: 'Versions' }).click()
  await page.getByRole('link', { name: 'Version 2', exact: true }).click()
  await page.getByRole('tab', { name: 'Write' }).click()
  await expect(policies).toHaveValue('// mine')
  await expect(page.getByText('It was begun from version 1')).toBeVisible()
  await page.getByRole('button', { name: 'Discard it and open version 2' }).click()
  await sure(page, 'Discard')
  await expect(policies).toHaveValue('forbid(principal, action, resource);')
})

test('the editor: lines keep their indent, undo works, Tab leads on, a turned line is told', async ({ page, server, look }) => {
  server.cli('authz', 'policy', 'create', 'typed')
  await open(page, '/policies/typed')
  const policies = page.getByRole('textbox', { name: 'Policies', exact: true })
  await policies.fill('')
  await policies.pressSequentially('permit(\n  principal,\naction')
  await expect(policies).toHaveValue('permit(\n  principal,\n  action')
  await page.keyboard.press('Control+z')
  await expect(policies).not.toHaveValue('permit(\n  principal,\n  action')
  await page.keyboard.press('Tab')
  await expect(policies).not.toBeFocused()
  await policies.fill('permit(principal, action, resource); // \u202e ;)ecruoser ,noitca ,lapicnirp(dibrof\n// <script>throw 1</script><img src=x onerror=throw> مرحبا\n'.padEnd(2000, 'Donaudampfschifffahrt'))
  await expect(page.getByText('turns the direction of reading')).toBeVisible()
  expect(await page.evaluate(() => document.querySelectorAll('#root script, #root img').length)).toBe(0)
  // What is seen stands where it is typed: both layers are of the same size, letter for letter.
  const [field, shown] = await policies.evaluate((e: HTMLTextAreaElement) => [e.getBoundingClientRect(), e.previousElementSibling!.getBoundingClientRect()].map((r) => [Math.round(r.width), Math.round(r.height)]))
  expect(field![0]).toBe(shown![0])
  expect(field![1]).toBeGreaterThanOrEqual(shown![1]!)
  expect(await policies.evaluate((e: HTMLTextAreaElement) => e.scrollWidth - e.clientWidth)).toBeLessThanOrEqual(0)
  await look('hostile-policy')
})

test('decision plans say in words what they do; decision points outside', async ({ page, server, look }) => {
  test.slow()
  server.cli('authz', 'policy', 'create', 'night')
  server.cli('authz', 'policy', 'create', 'draft-only')
  server.cli('authz', 'policy', 'write', 'night', policyFile('forbid(principal, action, resource) when { context has night };'))
  server.cli('authz', 'policy', 'activate', 'night', '1')
  const store = (JSON.parse(server.cli('authz', 'store', 'create', 'folders', '--json')) as { id: string }).id
  server.cli('authz', 'model', 'write', '--store', store, policyFile('model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define viewer: [user]\n', 'folders.fga'))
  await open(page, '/plans')
  await expect(page.getByText('There is no plan: roles answer alone')).toBeVisible()
  await look('admin-plans-none')
  await page.getByRole('button', { name: 'Add a decision point' }).click()
  await page.getByLabel('Name', { exact: true }).fill('stock')
  await page.getByLabel('Address').fill('https://pdp.example.com/')
  await page.getByLabel('Credential', { exact: true }).fill('not-to-be-shown')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('dialog').getByRole('alert').first()).toBeVisible()
  await page.getByLabel('Address').fill('https://pdp.example.com')
  await look('admin-point')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await closed(page)
  await expect(page.getByRole('listitem').filter({ hasText: 'https://pdp.example.com' })).toContainText('1000 ms · with a credential')
  expect(await page.content()).not.toContain('not-to-be-shown')
  await page.getByRole('button', { name: 'Set a plan' }).click()
  await page.getByLabel('Type of resource').fill('folder')
  const said = page.getByRole('dialog').getByRole('status')
  await expect(said).toHaveText(/An action on folder is allowed if a role permits it\./)
  await page.getByLabel('Roles', { exact: true }).uncheck()
  await expect(said).toHaveText('Nobody would answer. Choose at least one of them.')
  await page.getByLabel('Policies: draft-only').check()
  await page.getByRole('dialog').getByRole('button', { name: 'Set the plan' }).click()
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('Activate one first')
  await page.getByLabel('Policies: draft-only').uncheck()
  await page.getByLabel('Policies: night').check()
  await page.getByLabel('Store of relation tuples').selectOption({ label: 'folders' })
  await page.getByLabel('Relations').fill('read=viewer')
  await page.getByLabel('Decision point: stock').check()
  await expect(said).toHaveText(/a tuple of the store folders, or the decision point stock permits it/)
  await page.getByLabel('Decision point: stock').uncheck()
  await expect(said).toHaveText(/allowed if a policy of night or a tuple of the store folders permits it\. What a policy of night forbids is denied, whatever else permits it\. The store is asked for viewer when somebody wants read; about other actions it says nothing\./)
  await look('admin-plan')
  await page.getByRole('dialog').getByRole('button', { name: 'Set the plan' }).click()
  await closed(page)
  await expect(page.getByRole('listitem').filter({ hasText: 'a tuple of the store folders' })).toBeVisible()
  expect(server.cli('authz', 'plan', 'list')).toMatch(/folder +false +night +\S+ +read=viewer/)
  await page.getByRole('button', { name: 'Set a plan' }).click()
  await page.getByLabel('Type of resource').fill('*')
  await page.getByRole('dialog').getByRole('button', { name: 'Set the plan' }).click()
  await closed(page)
  await expect(page.getByText('An action on any other type is allowed if a role permits it.')).toBeVisible()
  await look('admin-plans')
  server.cli('authz', 'plan', 'set', '*', '--roles', '--points', 'stock')
  await page.reload()
  await page.getByRole('button', { name: 'Change the plan for *' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Set the plan' }).click() // what is not touched stays
  await closed(page)
  expect(JSON.parse(server.cli('authz', 'plan', 'list', '--json'))).toContainEqual(expect.objectContaining({ type: '*', points: ['stock'] }))
  await page.getByRole('button', { name: 'Remove the decision point stock' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(page.getByRole('alertdialog').getByRole('alert')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('alertdialog')).toHaveCount(0)
  await page.getByRole('button', { name: 'Change the plan for folder' }).click()
  await page.getByLabel('Roles', { exact: true }).check()
  await page.getByRole('dialog').getByRole('button', { name: 'Set the plan' }).click()
  await closed(page)
  await expect(page.getByText(/if a role, a policy of night, or a tuple of the store folders permits it/)).toBeVisible()
  for (const type of ['folder', '*']) {
    await page.getByRole('button', { name: `Remove the plan for ${type}`, exact: true }).click()
    await sure(page, 'Remove')
  }
  await expect(page.getByText('There is no plan: roles answer alone')).toBeVisible()
  expect(JSON.parse(server.cli('authz', 'plan', 'list', '--json'))).toEqual([])
  await page.getByRole('button', { name: 'Remove the decision point stock' }).click()
  await sure(page, 'Remove')
  expect(JSON.parse(server.cli('authz', 'point', 'list', '--json'))).toEqual([])
})

test('who may read policies only sees no button that changes them', async ({ page, server }) => {
  server.cli('authz', 'policy', 'create', 'watched')
  server.cli('authz', 'policy', 'write', 'watched', policyFile('permit(principal, action, resource);'))
  const who = server.person('reader')
  server.cli('role', 'assign', 'cardea:viewer', who)
  await signIn(page, who)
  await page.goto('/admin/policies/watched')
  await expect(page.getByRole('textbox', { name: 'Policies', exact: true })).toHaveAttribute('readonly')
  await expect(page.getByText('The policies are sound')).toBeVisible()
  for (const name of ['Write a version', 'Delete', 'Roll back', 'Add a case']) await expect(page.getByRole('button', { name })).toHaveCount(0)
  await page.getByRole('tab', { name: 'Versions' }).click()
  await expect(page.getByRole('button', { name: 'Run the cases of version 1' })).toBeVisible()
  await expect(page.getByRole('button', { name: /Activate/ })).toHaveCount(0)
  await page.goto('/admin/plans')
  await expect(page.getByRole('heading', { name: 'Decision plans' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Set a plan' })).toHaveCount(0)
})
