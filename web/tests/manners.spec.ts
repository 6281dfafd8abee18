import { demo, expect, guard, signIn, test } from './guards'

const secret = 'seven quiet herons at dawn'

test('everything by keyboard', async ({ page, browserName: _ }) => {
  await page.goto('/sign-in')
  await expect(page.getByLabel('E-mail address')).toBeFocused()
  await page.keyboard.type(demo.admin)
  await page.keyboard.press('Tab') // the link beside the password
  await expect(page.getByRole('link', { name: 'Forgot your password?' })).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.type(demo.password)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('type', 'text')
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/account')
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.locator('main')).toBeFocused()
  await page.getByRole('button', { name: /Signed in as/ }).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('menu')).toHaveCount(0)
  await expect(page.getByRole('button', { name: /Signed in as/ })).toBeFocused()
})

test('twice the size', async ({ page, look }) => {
  await page.setViewportSize({ width: 550, height: 400 }) // 200 % of a window of 1100 by 800 (WCAG 2.2, 1.4.4)
  await page.goto('/sign-up')
  await expect(page.getByLabel('Name')).toBeVisible()
  await look('zoomed')
  await page.getByRole('button', { name: 'Open account' }).scrollIntoViewIfNeeded()
  await expect(page.getByRole('button', { name: 'Open account' })).toBeInViewport()
})

test('dark is remembered and does not flash', async ({ page }) => {
  await page.goto('/sign-in')
  await page.getByLabel('Appearance').selectOption('dark')
  await page.reload()
  await expect(page.getByLabel('E-mail address')).toBeVisible()
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(16, 22, 21)')
})

test('German, by choice and by preference', async ({ page, browser, server, allowed }) => {
  await page.goto('/sign-in')
  await page.getByLabel('Language').selectOption('de')
  await expect(page.getByRole('heading', { name: 'Anmelden' })).toBeVisible()
  await expect(page.locator('html')).toHaveAttribute('lang', 'de')
  await page.reload()
  await expect(page.getByRole('heading', { name: 'Anmelden' })).toBeVisible()

  const context = await browser.newContext({ locale: 'de-CH', baseURL: server.origin })
  const faults: string[] = []
  await guard(context, server, allowed, faults)
  const other = await context.newPage()
  await other.goto('/recover')
  await expect(other.getByRole('button', { name: 'Link schicken' })).toBeVisible()
  expect(faults).toEqual([])
  await context.close()
})

test('nothing moves for whoever asks for that', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.goto('/sign-in')
  const duration = await page.getByRole('button', { name: 'Sign in' }).evaluate((e) => parseFloat(getComputedStyle(e).transitionDuration))
  expect(duration).toBeLessThan(0.01)
})

test('without JavaScript the page says what is missing', async ({ browser, server }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL: server.origin })
  const page = await context.newPage()
  for (const path of ['/sign-in', '/account']) {
    await page.goto(path)
    await expect(page.getByRole('heading', { name: 'Please turn on JavaScript' })).toBeVisible()
  }
  await page.screenshot({ path: 'screenshots/no-script-light.png' })
  await context.close()
})

test('the mailbox belongs to the pages', async ({ page, look }) => {
  await page.goto('/recover')
  await page.getByLabel('E-mail address').fill(demo.editor)
  await page.getByRole('button', { name: 'Send me a link' }).click()
  await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()
  await expect(async () => {
    await page.goto('/dev/mailbox')
    await expect(page.getByText('Choose a new password').first()).toBeVisible({ timeout: 500 })
  }).toPass()
  await look('mailbox')
})

const hostile = {
  script: '<script>throw 1</script><img src=x onerror=throw>"\'{{7*7}}',
  direction: 'abc\u2067 \u05D0\u05D1\u05D2 xyz', // an isolate that is never closed
  arabic: 'مرحبا بالعالم',
  emoji: '👩🏽‍🚀👨‍👩‍👧‍👦🏳️‍🌈',
  long: 'Donaudampfschifffahrtsgesellschaft'.repeat(5),
}

for (const [kind, name] of Object.entries(hostile)) {
  test(`a name that is ${kind} is text`, async ({ page, look }) => {
    await signIn(page, demo.admin)
    const field = page.getByRole('textbox', { name: 'Name' })
    await field.fill(name)
    const answered = page.waitForResponse((r) => r.request().method() === 'PATCH')
    await page.getByRole('button', { name: 'Save' }).click()
    if (!(await answered).ok()) return expect(page.getByRole('alert')).toBeVisible() // the server does not take it at all
    await expect(page.getByText('Saved')).toBeVisible()
    await page.reload()
    await expect(field).toHaveValue(name.trim())
    await expect(page.getByRole('button', { name: /Signed in as/ })).toContainText(name.trim().slice(0, 8))
    expect(await page.evaluate(() => document.querySelectorAll('#root script, #root img').length)).toBe(0)
    if (kind !== 'emoji') await look(`hostile-${kind}`)
  })
}

test('hostile names of applications and addresses on the sign-in pages', async ({ page, server, look }) => {
  const made = JSON.parse(server.cli('app', 'create', hostile.script.slice(0, 60) + ' ' + hostile.arabic, '--type', 'spa', '--redirect', 'http://127.0.0.1:65000/callback', '--scope', 'openid', '--json')) as Record<string, string>
  const id = made['client_id'] ?? made['id']!
  await page.goto(`/oauth/authorize?client_id=${id}&response_type=code&redirect_uri=${encodeURIComponent('http://127.0.0.1:65000/callback')}&scope=openid&code_challenge=${'a'.repeat(42)}A&code_challenge_method=S256&login_hint=${encodeURIComponent(hostile.long + '@x.example')}`)
  await expect(page.getByText('<script>')).toBeVisible()
  await look('hostile-application')
  await page.getByLabel('E-mail address').fill(demo.editor)
  await page.getByLabel('Password', { exact: true }).fill(demo.password)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'Allow', exact: true })).toBeVisible()
  await look('hostile-consent')
})

test('an expired session keeps what was entered', async ({ page, context, server, look }) => {
  const who = `expiring-${Date.now()}@example.com`
  server.cli('user', 'add', who, '--verified')
  await page.goto('/recover')
  await page.getByLabel('E-mail address').fill(who)
  await page.getByRole('button', { name: 'Send me a link' }).click()
  await page.goto(await server.mailed(who, 'recover'))
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Save the new password' }).click()
  await expect(page.getByText('Your password was changed')).toBeVisible()
  await signIn(page, who, secret)

  await page.getByRole('textbox', { name: 'Name' }).fill('Kept')
  server.cli('session', 'revoke', who, '--all')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible()
  await look('session-over')
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
  await expect(dialog.getByLabel('E-mail address')).toHaveValue(who)
  await page.keyboard.press('Escape') // it must be answered
  await dialog.getByLabel('Password', { exact: true }).fill('something else')
  await page.keyboard.press('Enter')
  await expect(dialog.getByText('The address or the password is wrong')).toBeVisible()
  await dialog.getByLabel('Password', { exact: true }).fill(secret)
  await page.keyboard.press('Enter')
  await expect(dialog).toHaveCount(0)
  await expect(page.getByText('Saved')).toBeVisible() // what was under way goes on by itself
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('Kept')

  // Whoever signs in otherwise does so in another tab.
  await page.getByRole('textbox', { name: 'Name' }).fill('Kept again')
  server.cli('session', 'revoke', who, '--all')
  await page.getByRole('button', { name: 'Save' }).click()
  const [tab] = await Promise.all([context.waitForEvent('page'), dialog.getByRole('link', { name: 'in a new tab' }).click()])
  await tab.getByLabel('E-mail address').fill(who)
  await tab.getByLabel('Password', { exact: true }).fill(secret)
  await tab.keyboard.press('Enter')
  await tab.waitForURL('**/account')
  await expect(dialog).toHaveCount(0)
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('Kept again')
  await expect(page.getByText('Saved').first()).toBeVisible()
})

test('a session that has ended is said at the door, and one comes back to where one was', async ({ page, server, look }) => {
  const who = `ended-${Date.now()}@example.com`
  server.cli('user', 'add', who, '--verified')
  await page.goto('/recover')
  await page.getByLabel('E-mail address').fill(who)
  await page.getByRole('button', { name: 'Send me a link' }).click()
  await page.goto(await server.mailed(who, 'recover'))
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Save the new password' }).click()
  await expect(page.getByText('Your password was changed')).toBeVisible()
  await signIn(page, who, secret)
  server.cli('session', 'revoke', who, '--all')
  await page.goto('/account?from=here')
  await expect(page.getByText('Your session has ended')).toBeVisible()
  await look('session-expired')
  await page.getByLabel('E-mail address').fill(who)
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/account?from=here')
})

test('signing out in one tab signs out the other', async ({ page, context }) => {
  await signIn(page, demo.viewer)
  const other = await context.newPage()
  await other.goto('/account')
  await expect(other.getByRole('heading', { level: 1 })).toBeVisible()
  await page.getByRole('button', { name: /Signed in as/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await other.waitForURL('**/sign-in')
})

test('a lost connection is said and survived', async ({ page, context, faults }) => {
  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(demo.viewer)
  await page.getByLabel('Password', { exact: true }).fill(demo.password)
  await context.setOffline(true)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('alert')).toContainText('cannot be reached')
  await context.setOffline(false)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/account')
  faults.splice(0, faults.length, ...faults.filter((f) => !f.includes('ERR_INTERNET_DISCONNECTED')))
})

test('what is no page is none', async ({ request }) => {
  for (const path of ['/api/nothing', '/assets/nothing.js', '/.well-known/nothing', '/nothing']) {
    const answer = await request.get(path)
    expect([path, answer.status(), answer.headers()['content-type']]).toEqual([path, path.startsWith('/api') ? expect.any(Number) : 404, 'application/problem+json'])
  }
  const robots = await request.get('/robots.txt')
  expect(await robots.text()).toContain('Disallow: /account')
})
