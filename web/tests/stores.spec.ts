import type { Page } from '@playwright/test'

import { demo, expect, signIn, test } from './guards'

const drive = `model
  schema 1.1

type user

type team
  relations
    define member: [user]

type folder
  relations
    define parent: [folder]
    define owner: [user]
    define viewer: [user, user:*, team#member, user with in_hours] or owner or viewer from parent

condition in_hours(hour: int, until: int) {
  hour < until
}
`

/** Signs in as the administrator of the demo tenant and opens a page. */
async function open(page: Page, path: string): Promise<void> {
  await signIn(page, demo.admin)
  await page.goto('/admin' + path)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
}

/** Makes a store and its first model in the pages, and returns the address of the store. */
async function made(page: Page, name: string, model = drive): Promise<string> {
  await open(page, '/stores')
  await page.getByRole('button', { name: 'Make a store' }).first().click()
  await page.getByRole('dialog').getByLabel('Name').fill(name)
  await page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  await page.getByRole('textbox', { name: 'Model' }).fill(model)
  await expect(page.getByText('The model is sound.')).toBeVisible()
  await page.getByRole('button', { name: 'Write a new version' }).click()
  await expect(page.getByRole('heading', { name: 'The version that is used' })).toBeVisible()
  return new URL(page.url()).pathname
}

/** Writes a tuple in the dialog of the page that is open. */
async function write(page: Page, user: string, relation: string, object: string): Promise<void> {
  await page.getByRole('button', { name: 'Write a tuple' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Object').fill(object)
  await dialog.getByLabel('Relation').selectOption(relation)
  await dialog.getByLabel('User').fill(user)
  await dialog.getByRole('button', { name: 'Write', exact: true }).click()
  await expect(dialog.filter({ has: page.getByRole('heading') })).toHaveCount(0)
}

test('stores: none, made, renamed, deleted by its name', async ({ page, look }) => {
  await page.route('**/api/stores?*', (route) => route.fulfill({ json: { items: [] } })) // other tests make some
  await open(page, '/stores')
  await expect(page.getByText('No application has a store yet')).toBeVisible()
  await look('admin-stores-none')
  await page.unroute('**/api/stores?*')
  await page.getByRole('button', { name: 'Make a store' }).first().click()
  await look('admin-stores-make')
  const hostile = '<img src=x onerror=alert(1)> \u{1F5C4} مخزن'
  await page.getByRole('dialog').getByLabel('Name').fill(hostile)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: hostile })).toBeVisible()
  await expect(page.getByText('Nothing is written yet.')).toBeVisible()
  await look('admin-store-empty')
  for (const tab of ['Tuples', 'Ask']) {
    await page.getByRole('navigation', { name: 'About this store' }).getByRole('link', { name: tab }).click()
    await expect(page.getByText('This store has no model yet')).toBeVisible()
  }
  await page.getByRole('button', { name: 'Rename' }).click()
  const name = `Drive ${Date.now()}`
  await page.getByRole('dialog').getByLabel('Name').fill(name)
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  await page.getByRole('link', { name: 'Stores' }).first().click()
  await page.getByRole('searchbox').fill('nothing is called so')
  await expect(page.getByText('No store is called so')).toBeVisible()
  await page.getByRole('searchbox').fill(name)
  await expect(page.getByRole('row')).toHaveCount(2)
  await look('admin-stores')
  await page.getByRole('link', { name }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  const dialog = page.getByRole('dialog', { name: `Delete ${name}?` })
  await expect(dialog.getByRole('button', { name: 'Delete the store' })).toBeDisabled()
  await look('admin-store-delete')
  await dialog.getByLabel(`Type ${name} to go on`).fill(name)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/admin\/stores$/)
  await page.getByRole('searchbox').fill(name)
  await expect(page.getByText('No store is called so')).toBeVisible()
})

test('a model: written, wrong, changed, kept over a reload, rolled back', async ({ page, look }) => {
  const at = await made(page, 'Models')
  const editor = page.getByRole('textbox', { name: 'Model' })
  await look('admin-store-model')

  // What is wrong stands at its place, and leads there.
  await editor.fill(drive.replace('[user, user:*, team#member', '[user, user:*, tem#member'))
  await expect(page.getByText('1 thing is wrong.')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Write a new version' })).toBeDisabled()
  await expect(editor).toHaveAttribute('aria-invalid', 'true')
  await look('admin-store-model-wrong')
  await page.getByRole('button', { name: /^Line 14, column \d+$/ }).click()
  await expect(editor).toBeFocused()

  // Nothing that was typed is lost.
  const narrower = drive.replace(', team#member, user with in_hours', ', user with in_hours').replace('define owner: [user]', 'define owner: [user]\n    define admin: [user] or owner')
  await editor.fill(narrower)
  await expect(page.getByText('The model is sound.')).toBeVisible()
  await page.reload()
  await expect(editor).toHaveValue(narrower)
  const changes = page.getByRole('list', { name: 'What would change' })
  await expect(changes.getByText('folder#admin')).toBeVisible()
  await expect(changes.getByText('folder#viewer@team#member')).toBeVisible()
  await look('admin-store-model-changed')
  await page.getByRole('button', { name: 'Write a new version' }).click()
  await expect(page.getByText('The new version is used from now on')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Write a new version' })).toBeDisabled()

  await page.getByRole('link', { name: 'Versions' }).click()
  await expect(page).toHaveURL(new RegExp(at + '/versions$'))
  await expect(page.getByRole('row')).toHaveCount(3)
  await page.getByRole('button', { name: /^Show 0/ }).last().click()
  await expect(page.getByRole('heading', { name: 'What changed from the older to the newer' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'Line by line' })).toContainText('define admin')
  await look('admin-store-versions')
  await page.getByRole('button', { name: /^Use 0/ }).click()
  await expect(page.getByRole('alertdialog')).toContainText('This is a rollback')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Use' }).click()
  await expect(page.getByText('A version was chosen')).toBeVisible()
  await look('admin-store-pinned')
  await page.getByRole('link', { name: 'Model', exact: true }).click()
  await expect(editor).toHaveValue(drive)
  await page.getByRole('link', { name: 'Versions' }).click()
  await page.getByRole('button', { name: 'Use the newest again' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Use the newest again' }).click()
  await expect(page.getByText('A version was chosen')).toHaveCount(0)
})

test('tuples: none, written under the model, found, and who has what', async ({ page, look }) => {
  const at = await made(page, 'Tuples')
  await page.getByRole('link', { name: 'Tuples' }).last().click()
  await expect(page.getByText('There are no tuples yet')).toBeVisible()
  await look('admin-store-tuples-none')
  await page.getByRole('button', { name: 'Write a tuple' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Object').fill('file:plans')
  await expect(dialog.getByText('The model has no such type.')).toBeVisible()
  await dialog.getByLabel('Object').fill('folder:plans')
  await dialog.getByLabel('Relation').selectOption('viewer')
  await expect(dialog.getByText('Possible are user:…, user:*, team:…#member.')).toBeVisible()
  await dialog.getByLabel('User').fill('bob')
  await dialog.getByRole('button', { name: 'Write', exact: true }).click()
  await expect(dialog.getByLabel('User')).toHaveAttribute('aria-invalid', 'true')
  await dialog.getByLabel('User').fill('user:bob')
  await dialog.getByLabel('Only if').selectOption('in_hours')
  await expect(dialog.getByText('hour: int, until: int')).toBeVisible()
  await dialog.getByLabel('What it says to the condition').fill('{"until": ')
  await expect(dialog.getByText('This is not a JSON object.')).toBeVisible()
  await look('admin-store-tuple-write')
  await dialog.getByLabel('What it says to the condition').fill('{"until": 17}')
  await dialog.getByLabel('Ends').fill('2099-01-01T12:00')
  await dialog.getByRole('button', { name: 'Write', exact: true }).click()
  await expect(page.getByRole('cell', { name: 'in_hours {"until":17}' })).toBeVisible()
  await write(page, 'team:eng#member', 'viewer', 'folder:plans')
  await write(page, 'user:anne', 'member', 'team:eng')
  await write(page, 'folder:plans', 'parent', 'folder:q3')
  const hostile = 'user:<img/src=x/onerror=alert(1)>‮gpj'
  await write(page, hostile, 'owner', 'folder:q3')
  await expect(page.getByRole('cell', { name: hostile, exact: true })).toBeVisible()
  await expect(page.getByRole('row')).toHaveCount(6)

  await page.getByRole('form', { name: 'Which tuples' }).getByLabel('Object').fill('folder:q3')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/object=folder%3Aq3/)
  await expect(page.getByRole('row')).toHaveCount(3)
  const holders = page.getByRole('heading', { name: 'Who has what on folder:q3' })
  await expect(holders).toBeVisible()
  await expect(page.getByText('Others depend on hour, which the question does not say.')).toBeVisible()
  await expect(page.locator('dl').getByText('user:anne')).toBeVisible()
  await look('admin-store-tuples')
  await page.getByRole('combobox', { name: 'Which users' }).selectOption('team#member')
  await expect(page.locator('dl').getByText('team:eng#member')).toBeVisible()
  await page.getByRole('button', { name: 'Remove folder:plans parent folder:q3' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('row')).toHaveCount(2)
  await expect(page.locator('dl').getByText('team:eng#member')).toHaveCount(0)
  await page.goto(at + '/tuples?user=user%3Anobody&relation=viewer&object=folder%3A')
  await expect(page.getByText('No tuples are like that')).toBeVisible()
  await page.getByRole('button', { name: 'All', exact: true }).click()
  await expect(page.getByRole('row')).toHaveCount(5)
})

test('asking: yes and why, no and what would change it, conditions, lists, what if', async ({ page, look, server }) => {
  await made(page, 'Questions')
  await page.getByRole('link', { name: 'Tuples' }).last().click()
  const id = new URL(page.url()).pathname.split('/')[3]!
  for (const [user, relation, object] of [['team:eng#member', 'viewer', 'folder:plans'], ['user:anne', 'member', 'team:eng'], ['folder:plans', 'parent', 'folder:q3'], ['user:carl', 'owner', 'folder:plans']] as const) {
    server.cli('authz', 'tuple', 'write', user, relation, object, '--store', id)
  }
  server.cli('authz', 'tuple', 'write', 'user:bob', 'viewer', 'folder:plans', '--condition', 'in_hours', '--context', '{"until":17}', '--store', id)
  await page.getByRole('link', { name: 'Ask', exact: true }).click()
  await expect(page.getByRole('radio', { name: 'May this user?' })).toBeVisible()
  const ask = async (user: string, relation: string, object: string) => {
    await page.getByRole('textbox', { name: 'User' }).fill(user)
    await page.getByRole('textbox', { name: 'Object' }).fill(object)
    await page.getByLabel('Relation').selectOption(relation)
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
  }
  await ask('user:anne', 'viewer', 'folder:q3')
  await expect(page.getByRole('heading', { name: 'Yes' })).toBeVisible()
  await expect(page.getByText('user:anne is viewer of folder:q3, because folder:plans is parent of folder:q3, team:eng#member is viewer of folder:plans and user:anne is member of team:eng.')).toBeVisible()
  const proof = page.getByRole('list', { name: 'The tuples that prove it' })
  for (const node of ['folder:q3', 'folder:plans', 'team:eng#member', 'user:anne']) await expect(proof.getByText(node, { exact: true })).toBeVisible()
  await page.setViewportSize({ width: 1100, height: 1180 })
  await page.reload()
  await expect(proof.getByText('user:anne', { exact: true })).toBeVisible()
  await look('admin-store-allowed')

  await ask('user:dan', 'viewer', 'folder:q3')
  await expect(page.getByRole('heading', { name: 'No', exact: true })).toBeVisible()
  await expect(page.getByText(/^user:dan is not viewer of folder:q3; it would be if user:dan were /)).toBeVisible()
  await look('admin-store-denied')
  await page.getByRole('button', { name: 'What if?' }).first().click()
  await expect(page.getByText('As it is')).toBeVisible()
  await expect(page.getByRole('region', { name: 'Yes' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'No', exact: true })).toBeVisible()
  await look('admin-store-what-if')
  await page.reload() // what was typed is there still
  await expect(page.getByText('As supposed')).toBeVisible()
  await page.getByRole('textbox', { name: 'If these tuples were written' }).fill('nonsense')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await expect(page.getByText('Something that the question brings cannot be read')).toBeVisible()
  await page.getByRole('textbox', { name: 'If these tuples were written' }).fill('')

  await ask('user:bob', 'viewer', 'folder:plans')
  await expect(page.getByText('that depends on hour, which the question does not say.')).toBeVisible()
  await page.getByText('What the question knows').click()
  await page.getByRole('textbox', { name: 'Context for conditions' }).fill('{"hour": 9}')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await expect(page.getByText('user:bob is viewer of folder:plans: a tuple says so.')).toBeVisible()
  await expect(page.getByText('if in_hours')).toBeVisible()

  await page.getByRole('radio', { name: 'On what?' }).check()
  await page.getByRole('textbox', { name: 'User' }).fill('user:anne')
  await page.getByLabel('Type of objects').selectOption('folder')
  await page.getByLabel('Relation').selectOption('viewer')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await expect(page.getByRole('list', { name: 'Objects of type folder that user:anne is viewer of' }).getByRole('listitem')).toHaveText(['folder:plans', 'folder:q3'])
  await page.getByRole('radio', { name: 'Who may?' }).check()
  await page.getByRole('textbox', { name: 'Object' }).fill('folder:q3')
  await page.getByLabel('Relation').selectOption('viewer')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await expect(page.getByRole('list', { name: 'Users of type user that are viewer of folder:q3' }).getByRole('listitem')).toHaveText(['user:anne', 'user:bob', 'user:carl'])
  await look('admin-store-list')

  // Another model, stored nowhere: the draft of the editor.
  await page.getByRole('link', { name: 'Model', exact: true }).click()
  await page.getByRole('textbox', { name: 'Model' }).fill(drive.replace(' or viewer from parent', ''))
  await expect(page.getByText('The model is sound.')).toBeVisible()
  await page.getByRole('link', { name: 'Ask', exact: true }).click()
  await expect(page.getByRole('radio', { name: 'May this user?' })).toBeVisible()
  await ask('user:anne', 'viewer', 'folder:q3')
  await page.getByText('What if? Nothing is stored').click()
  await page.getByLabel('If this model were used').selectOption('the draft in the editor')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await expect(page.getByRole('region', { name: 'Yes' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'No', exact: true })).toBeVisible()
  await expect(page.getByText('By the draft, revision')).toBeVisible()
})

test('tests: an example, a failure, a file that cannot be read', async ({ page, look }) => {
  await made(page, 'Tests', drive.replace('define owner: [user]', 'define owner: [user]\n    define editor: [user] or owner or editor from parent').replace('or owner or viewer', 'or editor or viewer'))
  await page.getByRole('link', { name: 'Tests', exact: true }).click()
  await page.getByRole('button', { name: 'Begin with an example' }).click()
  await page.getByRole('button', { name: 'Run' }).click()
  await expect(page.getByText('3 answers, all as expected')).toBeVisible()
  const file = page.getByRole('textbox', { name: 'Store file' })
  await file.fill((await file.inputValue()).replace('owner: false', 'owner: true'))
  await expect(page.getByText('3 answers, all as expected')).toHaveCount(0)
  await page.getByRole('button', { name: 'Run' }).click()
  await expect(page.getByText('1 answer is not as expected')).toBeVisible()
  await expect(page.getByRole('row').nth(1)).toContainText('otherwise')
  await look('admin-store-tests')
  await page.reload()
  await expect(file).toHaveValue(/owner: true/)
  await file.fill('test: []')
  await page.getByRole('button', { name: 'Run' }).click()
  await expect(page.getByRole('button', { name: 'Line 1' })).toBeVisible()
  await expect(file).toHaveAttribute('aria-invalid', 'true')
})

test('the pages of a store in German', async ({ page }) => {
  const at = await made(page, 'Sprachen')
  await page.goto('/account/preferences')
  await page.getByRole('radio', { name: 'Deutsch' }).check()
  await page.goto(at)
  await expect(page.getByRole('heading', { name: 'Die Version, die gilt' })).toBeVisible()
  await page.goto(at + '/ask?ask=check&user=user%3Aanne&relation=viewer&object=folder%3Aq3')
  await expect(page.getByRole('heading', { name: 'Nein' })).toBeVisible()
  await expect(page.getByText('user:anne ist nicht viewer von folder:q3; es wäre so, wenn')).toBeVisible()
})

test('who may only look at stores is offered no changes, and who may not finds none', async ({ page, server }) => {
  const id = /the id (\S+)\./.exec(server.cli('authz', 'store', 'create', 'Looked at'))![1]!
  for (const [role, permissions] of [['looker', ['authz.store.read', 'authz.model.read', 'authz.tuple.read']], ['clerk', ['user.read']]] as const) {
    server.cli('role', 'create', role, ...permissions.flatMap((p) => ['--permission', `cardea:${p}`]))
  }
  const [looker, clerk] = [server.person('looker'), server.person('clerk')]
  server.cli('role', 'assign', 'looker', looker)
  server.cli('role', 'assign', 'clerk', clerk)
  await signIn(page, looker)
  await page.goto('/admin/stores')
  await expect(page.getByRole('link', { name: 'Looked at' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Make a store' })).toHaveCount(0)
  await page.getByRole('link', { name: 'Looked at' }).click()
  await expect(page.getByRole('textbox', { name: 'Model' })).toHaveAttribute('readonly', '')
  await expect(page.getByRole('navigation', { name: 'About this store' }).getByRole('link')).toHaveText(['Model', 'Versions', 'Tuples', 'Tests'])
  for (const button of ['Rename', 'Delete', 'Write a new version']) await expect(page.getByRole('button', { name: button })).toHaveCount(0)
  await page.context().clearCookies()
  await signIn(page, clerk)
  await page.goto('/admin/users')
  await expect(page.getByRole('navigation').getByRole('link', { name: 'Users' })).toBeVisible()
  await expect(page.getByRole('navigation').getByRole('link', { name: 'Stores' })).toHaveCount(0)
  await page.goto(`/admin/stores/${id}`)
  await expect(page.getByRole('alert')).toContainText('You are not allowed to do this')
})

test('a role on one store: given, shown apart from one in the whole tenant, taken back', async ({ page, server, look }) => {
  const name = `Contracts ${Date.now()}`
  const id = /the id (\S+)\./.exec(server.cli('authz', 'store', 'create', name))![1]!
  const keeper = server.person('keeper')
  await open(page, `/users?q=${keeper}`)
  await page.getByRole('link', { name: keeper }).click()
  await page.getByRole('tab', { name: 'Roles' }).click()
  const dialog = page.getByRole('dialog')
  const give = dialog.getByRole('button', { name: 'Give a role' })
  const gone = () => expect(page.getByRole('dialog').filter({ has: page.getByRole('heading') })).toHaveCount(0)
  const where = async () => {
    await dialog.getByLabel('Where').selectOption('One store')
    await expect(give).toBeDisabled() // nothing half said becomes the whole tenant
    await page.getByRole('combobox', { name: 'Which store' }).fill(name.slice(3).toLowerCase())
    await page.getByRole('option', { name }).click()
  }
  await page.getByRole('button', { name: 'Give a role' }).first().click()
  await dialog.getByLabel('Role', { exact: true }).selectOption('cardea:admin')
  await where()
  await look('admin-assign-store')
  await give.click()
  await gone()
  await page.getByRole('button', { name: 'Give a role' }).first().click()
  await dialog.getByLabel('Role', { exact: true }).selectOption('cardea:viewer')
  await give.click()
  await gone()
  const onStore = page.getByRole('row', { name: `cardea:admin store ${name}` })
  await expect(onStore).toBeVisible()
  await expect(page.getByRole('row', { name: 'cardea:viewer the whole tenant' })).toBeVisible()
  await look('admin-user-roles-store')
  await page.getByRole('tab', { name: 'Effective permissions' }).click()
  await expect(page.getByText('May read everything in this tenant')).toBeVisible()
  await expect(page.getByText('May do everything in this tenant')).toHaveCount(0)
  await page.getByRole('tab', { name: 'Roles' }).click()
  await onStore.getByRole('button', { name: /Take the role/ }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Take back' }).click()
  await expect(onStore).toHaveCount(0)
  await expect(page.getByRole('row', { name: 'cardea:viewer the whole tenant' })).toBeVisible()

  // The same from the role: who has it on a store is not who has it in the whole tenant.
  await page.goto('/admin/roles/cardea%3Aadmin')
  await expect(page.getByRole('cell').first()).toBeVisible()
  await page.getByLabel('Where').selectOption('One store')
  await expect(page.getByRole('table')).toHaveCount(0)
  await page.getByRole('combobox', { name: 'Which store' }).fill(name)
  await page.getByRole('option', { name }).click()
  await expect(page.getByText('Nobody has it here')).toBeVisible()
  await page.getByRole('button', { name: 'Give a role' }).click()
  await dialog.getByRole('combobox', { name: 'Who' }).fill(keeper)
  await page.getByRole('option', { name: keeper }).click()
  await give.click()
  await gone()
  await expect(page.getByRole('link', { name: keeper })).toBeVisible()
  await look('admin-role-holders-store')
  expect(server.cli('role', 'show', 'cardea:admin', '--store', id)).toContain('holder user:')
  await page.getByRole('button', { name: /Take the role cardea:admin/ }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Take back' }).click()
  await expect(page.getByText('Nobody has it here')).toBeVisible()
})

test('who has a role on one store only: finds that one, works in it, and is refused elsewhere', async ({ page, server, look }) => {
  const store = (name: string) => /the id (\S+)\./.exec(server.cli('authz', 'store', 'create', name))![1]!
  const [mine, other] = [store('Kept'), store('Not mine')]
  server.cli('role', 'create', 'tuple-writer', '--permission', 'cardea:authz.store.read', '--permission', 'cardea:authz.tuple.read', '--permission', 'cardea:authz.tuple.write')
  const [keeper, looker, writer, nobody] = ['keeper', 'reader', 'writer', 'nobody'].map((n) => server.person(n)) as [string, string, string, string]
  server.cli('role', 'assign', 'cardea:admin', keeper, '--store', mine)
  server.cli('role', 'assign', 'cardea:viewer', looker, '--store', mine)
  server.cli('role', 'assign', 'tuple-writer', writer, '--store', mine)

  await signIn(page, keeper)
  await page.goto('/admin/stores')
  await expect(page.getByRole('row')).toHaveCount(2)
  await expect(page.getByRole('row', { name: `Kept ${mine} cardea:admin` })).toBeVisible()
  await expect(page.getByRole('alert')).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'Make a store' })).toHaveCount(0)
  await look('admin-stores-own')
  await page.getByRole('link', { name: 'Kept' }).click()
  const tabs = page.getByRole('navigation', { name: 'About this store' }).getByRole('link')
  await expect(tabs).toHaveText(['Model', 'Versions', 'Tuples', 'Ask', 'Tests'])
  await page.getByRole('textbox', { name: 'Model' }).fill(drive)
  await page.getByRole('button', { name: 'Write a new version' }).click()
  await expect(page.getByRole('heading', { name: 'The version that is used' })).toBeVisible()
  await look('admin-store-own')
  await tabs.getByText('Tuples').click()
  await write(page, 'user:anne', 'owner', 'folder:plans')
  await expect(page.getByRole('cell', { name: 'user:anne', exact: true })).toBeVisible()
  await page.goto(`/admin/stores/${other}`)
  await expect(page.getByRole('alert')).toContainText('You are not allowed to do this')
  await look('admin-store-refused')
  await page.getByRole('link', { name: 'Account' }).first().click()
  await expect(page).toHaveURL(/\/account/)

  await page.context().clearCookies()
  await signIn(page, looker)
  await page.goto(`/admin/stores/${mine}`)
  await expect(tabs).toHaveText(['Model', 'Versions', 'Tuples', 'Tests'])
  await expect(page.getByRole('textbox', { name: 'Model' })).toHaveAttribute('readonly', '')
  for (const button of ['Rename', 'Delete', 'Write a new version']) await expect(page.getByRole('button', { name: button })).toHaveCount(0)

  await page.context().clearCookies()
  await signIn(page, writer)
  await page.goto(`/admin/stores/${mine}`)
  await expect(page.getByText('You may not read the model of this store.')).toBeVisible()

  await page.context().clearCookies()
  await signIn(page, nobody)
  await page.goto('/admin/stores')
  await expect(page.getByText('You may not list the stores here')).toBeVisible()
  await look('admin-stores-own-none')
})
