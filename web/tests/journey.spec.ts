import { demo, expect, signIn, test } from './guards'

const secret = 'seven quiet herons at dawn'

test('sign up, mail, verify, signed in, reload, sign out', async ({ page, server, look }) => {
  const who = 'juno@example.com'
  await page.goto('/account')
  await expect(page).toHaveURL(/\/sign-in\?return_to=%2Faccount$/)
  await expect(page.getByLabel('E-mail address')).toBeFocused()
  await look('sign-in')

  await page.getByRole('link', { name: 'Open an account' }).click()
  await page.getByLabel('E-mail address').fill(who)
  await page.getByLabel('Password', { exact: true }).fill('password')
  await expect(page.getByText('Guessed at once')).toBeVisible()
  await look('sign-up')
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await expect(page.getByText('Very good')).toBeVisible()
  await page.getByLabel('Name').fill('Juno Hinge')
  await page.getByRole('button', { name: 'Open account' }).click()
  await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()
  await expect(page.getByText(who)).toBeVisible()
  await look('mail-sent')

  await server.mailed(who, 'sign_up')
  await page.goto('/dev/mailbox')
  await page.getByRole('article').filter({ hasText: who }).getByRole('link').click()
  await expect(page.getByRole('heading', { name: 'Open your account' })).toBeVisible()
  expect(new URL(page.url()).hash).toBe('') // the token is neither in the address nor in the history
  await look('link-sign-up')
  await page.getByRole('button', { name: 'Open my account' }).click()
  await page.waitForURL('**/account')
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('Juno Hinge')
  await look('account-profile')

  await page.reload()
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('Juno Hinge')
  await page.getByRole('button', { name: /Signed in as/ }).click()
  await look('account-menu')
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.waitForURL('**/sign-in')
  await page.goto('/account')
  await expect(page).toHaveURL(/\/sign-in/)

  await signIn(page, who, secret)
})

test('a link is good once and only whole', async ({ page, server, look }) => {
  const who = `once-${Date.now()}@example.com`
  await page.goto('/sign-up')
  await page.getByLabel('E-mail address').fill(who)
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Open account' }).click()
  const link = await server.mailed(who, 'sign_up')
  await page.goto(link)
  await page.getByRole('button', { name: 'Open my account' }).click()
  await page.waitForURL('**/account')

  await page.goto('about:blank')
  await page.goto(link)
  await page.getByRole('button', { name: 'Open my account' }).click()
  await expect(page.getByRole('alert')).toContainText('used already or is too old')
  await expect(page.getByRole('link', { name: 'Start again' })).toBeVisible()
  await look('link-expired')

  for (const broken of ['#sign_up.', '#sign_up', '#other.token', '#%3Cscript%3E.x']) {
    await page.goto('about:blank')
    await page.goto('/link' + broken)
    await expect(page.getByRole('alert')).toContainText('not complete')
  }
  await look('link-incomplete')
})

test('a forgotten password', async ({ page, server, look }) => {
  const who = `forgot-${Date.now()}@example.com`
  server.cli('user', 'add', who, '--verified')
  await page.goto('/sign-in')
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await look('recover')
  await page.getByLabel('E-mail address').fill('not an address')
  await page.getByRole('button', { name: 'Send me a link' }).click()
  await expect(page.getByLabel('E-mail address')).toBeFocused()
  await page.getByLabel('E-mail address').fill(who)
  await page.getByRole('button', { name: 'Send me a link' }).click()
  await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()

  await page.goto(await server.mailed(who, 'recover'))
  await page.getByLabel('Password', { exact: true }).fill('short')
  await page.getByRole('button', { name: 'Save the new password' }).click()
  await expect(page.getByRole('alert').first()).toBeVisible() // refused, and the link is as it was
  await look('link-recover')
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Save the new password' }).click()
  await expect(page.getByText('Your password was changed')).toBeVisible()
  await look('password-changed')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await signIn(page, who, secret)
})

test('an unknown address is answered like a known one', async ({ page }) => {
  for (const who of [demo.viewer, `nobody-${Date.now()}@example.com`]) {
    await page.goto('/recover')
    await page.getByLabel('E-mail address').fill(who)
    await page.getByRole('button', { name: 'Send me a link' }).click()
    await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()
    await page.goto('/sign-in')
    await page.getByLabel('E-mail address').fill(who)
    await page.getByLabel('Password', { exact: true }).fill('wrong wrong wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('alert')).toContainText('The address or the password is wrong')
  }
})

test('too many wrong passwords wait, with a countdown', async ({ page, server, look }) => {
  const who = `locked-${Date.now()}@example.com`
  server.cli('user', 'add', who, '--verified')
  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(who)
  for (let n = 1; n <= 5; n++) {
    await page.getByLabel('Password', { exact: true }).fill('wrong ' + n)
    const answered = page.waitForResponse('**/flow/password')
    await page.keyboard.press('Enter')
    await answered
  }
  await page.getByLabel('Password', { exact: true }).fill('wrong again')
  await page.keyboard.press('Enter')
  const timer = page.getByRole('timer')
  await expect(timer).toContainText('Try again in')
  const before = await timer.textContent()
  await expect(timer).not.toHaveText(before!)
  await look('locked')

  await page.goto(await server.mailed(who, 'unlock'))
  await page.getByRole('button', { name: 'Let me try again' }).click()
  await expect(page.getByText('Your account is open again')).toBeVisible()
})

test('an invitation', async ({ page, server, look }) => {
  const who = `invited-${Date.now()}@example.com`
  server.cli('user', 'add', who, '--verified')
  const org = (JSON.parse(server.cli('org', 'add', 'The <b>Hinge</b> Works', '--json')) as { id: string }).id
  server.cli('org', 'invite', org, who)
  const link = await server.mailed(who, 'invitation')
  await page.goto(link)
  await expect(page.getByText('You were invited')).toBeVisible()
  await look('invitation')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await expect(page).toHaveURL(/sign-in\?return_to=%2Flink/)

  // The person has no password yet: it is made by recovery, in this tab, and the invitation still waits.
  await page.goto('/recover')
  await page.getByLabel('E-mail address').fill(who)
  await page.getByRole('button', { name: 'Send me a link' }).click()
  await page.goto(await server.mailed(who, 'recover'))
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Save the new password' }).click()
  await expect(page.getByText('Your password was changed')).toBeVisible()
  await page.goto('/sign-in?return_to=%2Flink')
  await page.getByLabel('E-mail address').fill(who)
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/link')
  await page.getByRole('button', { name: 'Accept the invitation' }).click()
  await expect(page.getByText('You are a member now')).toBeVisible()
})
