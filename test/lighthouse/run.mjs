// Runs Lighthouse over the pages of the real binary on fresh demo data, and prints a table (or with --json an
// array): performance, accessibility, best practices, SEO, the largest contentful paint and the script sent.
// CARDEA is the program, CHROME the browser.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch } from 'chrome-launcher'
import lighthouse, { desktopConfig } from 'lighthouse'
import puppeteer from 'puppeteer-core'
import { freePort } from '../port/port.mjs'

const pages = [
  { name: 'sign-in', path: '/sign-in', phone: true },
  { name: 'sign-up', path: '/sign-up', phone: true },
  { name: 'account', path: '/account', as: 'alice@example.com' },
  { name: 'administration', path: '/admin/users', as: 'admin@example.com' },
]
const password = 'correct horse battery staple' // of the people of every development server

const data = mkdtempSync(join(tmpdir(), 'cardea-lighthouse-'))
const port = await freePort()
const origin = `http://localhost:${port}`
const server = spawn(process.env.CARDEA, [
  'serve', '--dev', '--data', data, '--listen', `127.0.0.1:${port}`, '--management', '127.0.0.1:0', '--issuer', origin,
], { stdio: 'ignore', env: {} })
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
try {
  await answering()
  const rows = []
  for (const page of pages) {
    process.stderr.write(`measuring ${page.path} …\n`)
    rows.push(await measure(page))
  }
  if (process.argv.includes('--json')) console.log(JSON.stringify(rows))
  else print(rows)
} finally {
  const gone = new Promise((resolve) => server.on('exit', resolve))
  server.kill('SIGTERM')
  await gone
  rmSync(data, { recursive: true, force: true })
}

/** The best of three runs: what else the machine does can only make a page slower. */
async function measure(page) {
  const cookies = page.as ? await signedIn(page.as) : []
  let best
  for (let good = 0, failed = 0; good < 3; ) {
    const lhr = await visit(page, cookies)
    if (lhr.runtimeError) { // a busy machine makes the browser lose its own trace
      if (++failed > 3) throw new Error(`${page.path}: ${lhr.runtimeError.message}`)
      continue
    }
    good++
    if (!lhr.finalDisplayedUrl.startsWith(origin + page.path)) throw new Error(`${page.path} led to ${lhr.finalDisplayedUrl}`)
    const row = rowOf(page, lhr)
    if (!best || row.performance > best.performance) best = row
  }
  return best
}

async function visit(page, cookies) {
  const browser = await launch({ chromePath: process.env.CHROME, logLevel: 'error', chromeFlags: flags })
  try {
    const control = await puppeteer.connect({ browserURL: `http://127.0.0.1:${browser.port}` })
    const [tab] = await control.pages()
    const devtools = await tab.createCDPSession()
    for (const c of cookies) { // by address: a __Host- cookie has no domain
      const url = origin.replace('http:', 'https:') // as it takes Secure cookies from http://localhost
      const { success } = await devtools.send('Network.setCookie', { ...c, url, path: '/', secure: true, sameSite: 'Lax' })
      if (!success) throw new Error(`the browser does not take the cookie ${c.name}`)
    }
    await control.disconnect()
    const options = { port: browser.port, output: 'json', logLevel: 'error', disableStorageReset: true }
    return (await lighthouse(origin + page.path, options, page.phone ? undefined : desktopConfig)).lhr
  } finally {
    browser.kill()
  }
}

function rowOf(page, lhr) {
  const score = (name) => Math.round(100 * lhr.categories[name].score)
  const below = (audit) => lhr.audits[audit.id].score !== null && lhr.audits[audit.id].score < 0.9
  return {
    page: page.name, on: page.phone ? 'phone' : 'desktop', performance: score('performance'), accessibility: score('accessibility'),
    bestPractices: score('best-practices'), seo: score('seo'), paint: Math.round(lhr.audits['largest-contentful-paint'].numericValue),
    script: Math.round(sum(lhr.audits['network-requests'].details.items.filter((r) => r.resourceType === 'Script'), 'transferSize') / 1024),
    failed: Object.values(lhr.categories).flatMap((c) => c.auditRefs.filter((a) => a.weight > 0 && below(a)).map((a) => a.id)),
  }
}

function print(rows) {
  console.log('| page | on | performance | accessibility | best practices | SEO | largest paint | script | below 90 |')
  console.log('|---|---|---|---|---|---|---|---|---|')
  for (const r of rows) {
    console.log(`| ${r.page} | ${r.on} | ${r.performance} | ${r.accessibility} | ${r.bestPractices} | ${r.seo} | ${r.paint} ms | ${r.script} kB | ${r.failed.join(', ') || '–'} |`)
  }
}

/** The cookies of a browser in which somebody has signed in. */
async function signedIn(email) {
  const headers = { 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'same-origin' }
  const jar = new Map()
  const ask = async (path, body, csrf) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const r = await fetch(origin + path, { method: 'POST', headers: { ...headers, Cookie: cookie, 'X-CSRF-Token': csrf ?? '' }, body: JSON.stringify(body) })
    for (const line of r.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      jar.set(name, value)
    }
    return r.json()
  }
  const flow = await ask('/flows', { kind: 'sign_in' })
  const done = await ask('/flow/password', { email, password }, flow.csrf_token)
  if (!done.done) throw new Error(`${email} is not signed in`)
  return [...jar].filter(([, value]) => value).map(([name, value]) => ({ name, value }))
}

async function answering() {
  for (let tries = 0; tries < 400; tries++) {
    if (await fetch(`${origin}/session`).then((r) => r.ok, () => false)) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('the server does not answer')
}

function sum(items, member) {
  return items.reduce((total, item) => total + item[member], 0)
}
