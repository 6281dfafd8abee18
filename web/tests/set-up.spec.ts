import { expect, test } from './guards'

// A server of its own: wherever somebody has made an administrator before, set-up is closed.
test.use({ house: 'set-up' })

const secret = 'seven quiet herons at dawn'

test('set-up makes the first administrator, once', async ({ page, server, look }) => {
  const link = /http\S+/.exec(server.cli('setup-link'))![0]
  await page.goto(link)
  await expect(page.getByRole('heading', { name: 'Set up Cardea' })).toBeVisible()
  expect(new URL(page.url()).hash).toBe('')
  await look('set-up')
  await page.getByLabel('E-mail address').fill('root@example.com')
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Create administrator' }).click()
  await page.waitForURL('**/t/system/account')
  await expect(page.getByText('root@example.com').first()).toBeVisible()

  await page.goto('about:blank')
  await page.goto(link)
  await expect(page.getByRole('alert')).toContainText('first administrator already')
  await look('set-up-closed')
  await page.goto('/t/system/set-up')
  await expect(page.getByRole('alert')).toContainText('Open the link')
})
