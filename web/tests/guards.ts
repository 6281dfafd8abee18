import AxeBuilder from '@axe-core/playwright'
import { test as base, expect, type BrowserContext, type Page } from '@playwright/test'

import { demo, startServer, type Server } from './server'

/** Looks at the page as it is now: axe in light and dark, nothing sticks out of a window of 320 pixels; keeps pictures. */
export type Look = (name: string, page?: Page) => Promise<void>

interface Guards {
  /** Origins besides the server's that a test means to visit. */
  allowed: Set<string>
  look: Look
}

const guarded = new WeakSet<BrowserContext>()

/** Reports whatever must not happen on any page: errors, violations of the policy, requests to others. */
export async function guard(context: BrowserContext, server: Server, allowed: Set<string>, faults: string[]): Promise<void> {
  if (guarded.has(context)) return
  guarded.add(context)
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`))
  })
  context.on('console', (m) => {
    // A refusal of the server, such as a wrong password, is an answer and no fault of the page.
    const refusal = /^Failed to load resource: the server responded with a status of 4\d\d/.test(m.text())
    if ((m.type() === 'error' || m.type() === 'warning') && !refusal) faults.push(`console: ${m.text()}`)
  })
  context.on('weberror', (e) => faults.push(`uncaught: ${e.error().message}`))
  context.on('request', (r) => {
    const { origin, protocol } = new URL(r.url())
    if (origin !== server.origin && !allowed.has(origin) && protocol !== 'data:') faults.push(`request to ${r.url()}`)
  })
}

export const test = base.extend<Guards & { faults: string[] }, { house: string; server: Server }>({
  // Tests that name another house get a worker, and so a server, of their own.
  house: ['', { scope: 'worker', option: true }],
  server: [
    async ({}, use) => {
      const server = await startServer()
      await use(server)
      await server.stop()
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ server }, use) => use(server.origin),
  allowed: async ({}, use) => use(new Set()),
  faults: [
    async ({ context, server, allowed }, use) => {
      const faults: string[] = []
      await guard(context, server, allowed, faults)
      await use(faults)
      expect(faults).toEqual([])
    },
    { auto: true },
  ],
  look: async ({ page: main }, use) => {
    await use(async (name, page = main) => {
      const size = page.viewportSize()!
      for (const [look, scheme, width] of [['light', 'light', size.width], ['dark', 'dark', size.width], ['narrow', 'light', 320]] as const) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
        await page.setViewportSize({ width, height: width === 320 ? 640 : size.height })
        // Nothing is under way, but for what waits below a dialog.
        await expect(page.locator('[aria-disabled=true]:not(:is([inert], [aria-hidden=true], [data-base-ui-inert]) *)')).toHaveCount(0)
        await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))) // in the new colours
        if (look !== 'narrow') {
          // The browser may paint a text in the old colour for a moment after a change: what is wrong stays wrong.
          await expect(async () => {
            const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze()
            expect(violations.map((v) => `${name}, ${look}: ${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`)).toEqual([])
          }).toPass({ timeout: 45_000 })
        }
        // What has to be measured anew takes its new width a moment later: what is wrong stays wrong.
        const sideways = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        await expect.poll(sideways, { message: `${name}, ${look}: scrolls sideways` }).toBeLessThanOrEqual(0)
        await page.screenshot({ path: `screenshots/${name}-${look}.png`, fullPage: look === 'narrow', animations: 'disabled' })
      }
      await page.setViewportSize(size)
      await page.emulateMedia({ colorScheme: null, reducedMotion: null })
    })
  },
})

/** Signs somebody in and waits until the pages know. */
export async function signIn(page: Page, email: string, password = demo.password): Promise<void> {
  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/account')
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
}

export { demo, expect }
