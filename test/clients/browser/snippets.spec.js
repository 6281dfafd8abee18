// The code that the console hands out with an application, run as it stands, with the libraries that it names. Only
// what a reader fills in is filled in: the address of an API, and the answer of a sign-in.
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { freePort } from '../../port/port.mjs'
import { expect, test } from './world.js'

const run = promisify(execFile)
const folder = (name) => fileURLToPath(new URL(name, import.meta.url))
const example = 'https://api.example.com/'

/** Signs in as the administrator and registers an application in the console; hands back what the console shows. */
async function register(page, world, type, fields) {
  await page.goto(`${world.issuer}/sign-in?return_to=%2Fadmin%2Fapplications%2Fnew`)
  if (page.url().includes('/sign-in')) {
    await page.getByLabel('E-mail address').fill('admin@example.com')
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery staple')
    await page.getByRole('button', { name: 'Sign in' }).click()
  }
  await page.getByRole('radio', { name: type }).check({ force: true })
  for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Register an application' }).click()
  await expect(page.getByRole('heading', { name: /is registered/ })).toBeVisible()
  const secret = page.getByLabel('client_secret')
  return {
    env: { ...process.env, FORCE_COLOR: '0', CLIENT_SECRET: (await secret.count()) ? await secret.inputValue() : '' },
    code: async (language) => {
      await page.getByRole('tab', { name: language, exact: true }).click()
      return page.getByRole('region', { name: language, exact: true }).innerText()
    },
  }
}

/** A folder in which the libraries of a place are found; gone after the test. */
function beside(place, use) {
  const dir = mkdtempSync(join(folder(place), 'snippet-'))
  return Promise.resolve(use(dir)).finally(() => rmSync(dir, { recursive: true, force: true }))
}

/** An API that says which tokens it was sent. */
async function api(use) {
  const tokens = []
  const server = createServer((req, res) => (tokens.push(req.headers.authorization ?? ''), res.end('ok')))
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  await use(`http://127.0.0.1:${server.address().port}/`, tokens)
  server.close()
}

/** Starts a program and hands back what it says, line by line as it comes. */
function start(program, args, options) {
  const child = spawn(program, args, options)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  const ended = new Promise((done) => child.once('exit', done))
  const find = async (pattern) => {
    await expect.poll(() => said, { timeout: 60_000 }).toMatch(pattern)
    return pattern.exec(said)
  }
  return { find, child, stop: () => (child.kill(), ended) }
}

const allow = (page) => page.getByRole('button', { name: 'Allow', exact: true }).click()

test('a service: Go, Node and curl', async ({ page, world }) => {
  test.setTimeout(180_000)
  const app = await register(page, world, /Service/, { Name: 'Robot' })
  await api(async (address, tokens) => {
    const own = (code) => code.replaceAll(example, address)
    const [go, node, curl] = [own(await app.code('Go')), own(await app.code('Node')), await app.code('curl')]
    await beside('../node', async (dir) => {
      writeFileSync(join(dir, 'main.mjs'), node)
      expect((await run('node', ['main.mjs'], { cwd: dir, env: app.env })).stdout.trim()).toBe('200')
    })
    await beside('../go', async (dir) => {
      writeFileSync(join(dir, 'main.go'), go)
      expect((await run('go', ['run', '.'], { cwd: dir, env: app.env })).stderr).toContain('200 OK')
    })
    expect(tokens.map((t) => /^Bearer \S{20,}$/.test(t))).toEqual([true, true])
    expect(JSON.parse((await run('bash', ['-c', curl], { env: app.env })).stdout)).toMatchObject({ token_type: 'Bearer' })
  })
})

test('a web application: Go, Node and curl', async ({ page, world }) => {
  test.setTimeout(180_000)
  const port = await freePort()
  const redirect = `http://localhost:${port}/callback`
  const app = await register(page, world, /Web application/, { Name: 'Shop', 'Redirect URIs': redirect })
  const [go, node, curl] = [await app.code('Go'), await app.code('Node'), await app.code('curl')]

  await beside('../go', async (dir) => {
    writeFileSync(join(dir, 'main.go'), go)
    await run('go', ['build', '-o', 'shop', '.'], { cwd: dir })
    const shop = start(join(dir, 'shop'), [], { cwd: dir, env: app.env })
    await page.goto((await shop.find(/open (\S+)/))[1])
    await allow(page)
    await shop.find(/signed in: \S+/)
    await shop.stop()
  })

  // From here on nobody is at the redirect URI: the address of the answer is what counts.
  const back = createServer((_, res) => res.end('back')).listen(port, 'localhost')
  const answered = async (address) => {
    await page.goto(address)
    await page.waitForURL(`${redirect}?**`)
    return page.url()
  }
  await beside('../node', async (dir) => {
    const [begin, end] = node.split('\n// The answer')
    const ask = `console.log(address.href)\nconst url = new URL(await new Promise((done) => process.stdin.once('data', (d) => done(String(d).trim()))))\n`
    writeFileSync(join(dir, 'main.mjs'), `${begin}\n${ask}// The answer${end}\nprocess.exit(0)\n`)
    const shop = start('node', ['main.mjs'], { cwd: dir, env: app.env })
    const url = await answered((await shop.find(/(http\S+)\n/))[1])
    shop.child.stdin.write(url + '\n')
    await shop.find(/\n[a-z0-9]{26}\n/)
    await shop.stop()
  })

  const verifier = randomBytes(32).toString('base64url')
  const env = { ...app.env, VERIFIER: verifier, CHALLENGE: createHash('sha256').update(verifier).digest('base64url') }
  const [first, second] = curl.split('# Then')
  const code = new URL(await answered((await run('bash', ['-c', first], { env })).stdout.trim())).searchParams.get('code')
  const tokens = JSON.parse((await run('bash', ['-c', '# Then' + second], { env: { ...env, CODE: code } })).stdout)
  expect(tokens).toMatchObject({ token_type: 'Bearer', id_token: expect.any(String) })
  back.close()
  back.closeAllConnections()
})

test('a single-page application: TypeScript in a browser; its API in Go compiles', async ({ page, world }) => {
  test.setTimeout(180_000)
  const port = await freePort()
  const here = `http://localhost:${port}/`
  const app = await register(page, world, /Single-page/, { Name: 'Page', 'Redirect URIs': here })
  const [script, go] = [await app.code('TypeScript'), await app.code('Go')]
  await beside('.', async (dir) => {
    writeFileSync(join(dir, 'index.html'), '<!doctype html><title>Page</title><p>…</p><script type="module" src="/main.ts"></script>')
    writeFileSync(join(dir, 'main.ts'), script + `\nif (await users.getUser()) document.querySelector('p')!.textContent = 'Hello ' + (await users.getUser())!.profile.sub\n`)
    await world.pages(dir, port, {})
    await page.goto(here)
    await allow(page)
    await expect(page.getByText(/Hello \w{26}/)).toBeVisible()
  })
  await beside('../go', async (dir) => {
    writeFileSync(join(dir, 'main.go'), go)
    await run('go', ['vet', '.'], { cwd: dir })
  })
})
