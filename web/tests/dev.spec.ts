import { expect, signIn, test } from './guards'

const secret = 'a canal boat at midnight'

test('a newcomer: from signing up to an allowed and a refused call, within a minute and without a word of documentation', async ({ page, look }) => {
  const began = Date.now()
  await page.goto('/')
  await page.getByRole('link', { name: 'Open an account' }).click()
  await page.getByLabel('E-mail address').fill('newcomer@example.com')
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Open account' }).click()
  await page.getByRole('link', { name: 'Open the mailbox of this demo server' }).click()
  const mail = page.getByRole('article').filter({ hasText: 'to newcomer@example.com' }).getByRole('link').first()
  await expect(async () => {
    if ((await mail.count()) === 0) await page.reload()
    await mail.click({ timeout: 500 })
  }).toPass()
  await page.getByRole('button', { name: 'Open my account' }).click()
  await page.waitForURL('**/account')

  await page.getByRole('link', { name: 'Try it' }).click()
  const [list, remove] = ['Read the invoices', 'Delete an invoice'].map((name) => page.locator('section').filter({ has: page.getByRole('heading', { name }) }))
  await expect(list!.getByText('Refused · 403')).toBeVisible()
  await expect(list!.getByText('You have no role that permits invoice:read.')).toBeVisible()
  await page.getByLabel('viewer').check()
  await expect(list!.getByText('Allowed · 200')).toBeVisible()
  await expect(list!.getByText('The role viewer permits invoice:read.')).toBeVisible()
  await expect(remove!.getByText('Refused · 403')).toBeVisible()
  await expect(remove!.getByText('Your role does not permit invoice:delete.')).toBeVisible()
  expect(Date.now() - began).toBeLessThan(60_000)
  await look('dev-sample')

  await page.getByLabel('editor').check()
  await page.getByRole('button', { name: 'Call: Delete an invoice' }).click()
  await expect(remove!.getByText('Allowed · 200')).toBeVisible()
  await page.getByRole('button', { name: 'Read the invoices again' }).click()
  await expect(list!.getByText('Allowed · 200')).toBeVisible()
  await list!.getByText('The answer, as a program gets it').click()
  await expect(list!.getByRole('region', { name: 'The answer' })).toContainText('Portico')
  await page.getByLabel('No role').check()
  await expect(list!.getByText('Refused · 403')).toBeVisible()
})

test('the sample API takes no cookie and no role that is not of the demo', async ({ page, server }) => {
  await signIn(page, server.person('curious'))
  const [bare, other] = await page.evaluate(async () => {
    const csrf = document.cookie.split('; ').find((c) => c.includes('csrf'))!.split('=')[1]!
    const bare = await fetch('/dev/api/invoices')
    const { access_token: token } = (await (await fetch('/session/token', { method: 'POST', headers: { 'X-CSRF-Token': csrf } })).json()) as { access_token: string }
    const other = await fetch('/dev/api/role', { method: 'PUT', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: '{"role":"cardea:admin"}' })
    return [bare.status, other.status]
  })
  expect([bare, other]).toEqual([401, 400])
})
