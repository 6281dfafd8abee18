// What the tests of this folder stand on: the real binary with its demo people on a free port, and applications
// beside it. E2E_BIN is the directory with the programs, as scripts/e2e builds them.
import { test as base, expect } from '@playwright/test'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createVite } from 'vite'
import { freePort } from '../../port/port.mjs'

const bin = process.env.E2E_BIN
if (!bin) throw new Error('E2E_BIN is not set; run scripts/e2e')

/** A demo person who may read, create and delete invoices, and one who may only read. */
export const editor = 'alice@example.com'
export const viewer = 'bob@example.com'
const password = 'correct horse battery staple'

// Our environment without what could configure the programs.
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CARDEA|API)_/.test(name)))

/** Starts a program and waits until it answers. */
async function launch(program, args, env, ready) {
  const child = spawn(join(bin, program), args, { env: { ...clean, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  const ended = new Promise((done) => child.once('exit', done))
  for (let i = 0; ; i++) {
    if (await fetch(ready).then((r) => r.ok, () => false)) break
    if (child.exitCode !== null || i > 1500) throw new Error(`${program} does not answer:\n${said}`)
    await new Promise((done) => setTimeout(done, 20))
  }
  return async () => {
    child.kill('SIGINT')
    await ended
  }
}

/** Cardea, and what is registered there. */
export const test = base.extend({
  world: [
    async ({}, use) => {
      const stops = []
      const data = mkdtempSync(join(tmpdir(), 'cardea-browser-'))
      const port = await freePort()
      const issuer = `http://localhost:${port}`
      stops.push(
        await launch('cardea', ['serve', '--dev', '--data', data, '--listen', `127.0.0.1:${port}`, '--management', '127.0.0.1:0', '--issuer', issuer], {}, `${issuer}/session`),
      )
      const cli = (...words) => JSON.parse(execFileSync(join(bin, 'cardea'), [...words, '--json', '--dev', '--data', data], { env: clean, encoding: 'utf8' }) || '{}')
      await use({
        issuer,
        cli,
        /** Registers an application. */
        app: (name, type, ...flags) => cli('app', 'create', name, '--type', type, ...flags),
        /** Starts the example API for an audience; returns its address. */
        api: async (audience) => {
          const own = cli('app', 'create', 'Invoice API', '--type', 'service', '--serves', audience)
          const at = `127.0.0.1:${await freePort()}`
          const env = { API_LISTEN: at, API_ISSUER: issuer, API_AUDIENCE: audience, API_CLIENT_ID: own.client_id, API_CLIENT_SECRET: own.client_secret }
          stops.push(await launch('api', [], env, `http://${at}/public`))
          return `http://${at}`
        },
        /** Serves the pages of a folder, with settings that its sources read as import.meta.env. */
        pages: async (root, port, settings, proxy = {}) => {
          const define = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`import.meta.env.${name}`, JSON.stringify(value)]))
          const vite = await createVite({ root, configFile: false, logLevel: 'error', define, server: { port, strictPort: true, host: 'localhost', hmr: false, proxy } })
          await vite.listen()
          stops.push(() => vite.close())
        },
        /** Serves an Express application. */
        serve: async (app, port) => {
          const server = await new Promise((done) => {
            const s = app.listen(port, 'localhost', () => done(s))
          })
          stops.push(() => new Promise((done) => (server.close(done), server.closeAllConnections())))
        },
      })
      for (const stop of stops.reverse()) await stop()
      rmSync(data, { recursive: true, force: true })
    },
    { scope: 'worker' },
  ],
})

/** Signs in on the page of ours that is shown, and allows what the application asks for. */
export async function signIn(page, who) {
  await page.getByLabel('E-mail address').fill(who)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Allow access?' })).toBeVisible()
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
}

export { expect }
