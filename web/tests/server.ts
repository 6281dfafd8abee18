import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/port/port.mjs'

const binary = process.env['UI_BINARY'] ?? '../.cache/cardea-ui' // not CARDEA_…: those are settings of the server

/** People of every development server. */
export const demo = { password: 'correct horse battery staple', admin: 'admin@example.com', editor: 'alice@example.com', viewer: 'bob@example.com' }

/** The real program on a fresh data directory and a free port. */
export interface Server {
  origin: string
  /** Runs a command of the program against this server and returns what it prints. */
  cli: (...args: string[]) => string
  /** Opens an account with the password of the demo people; its address is new. */
  person: (name: string) => string
  /** The newest link of a kind that was mailed to somebody; waits for it. */
  mailed: (to: string, kind: string) => Promise<string>
  stop: () => Promise<void>
}

export async function startServer(): Promise<Server> {
  const data = mkdtempSync(join(tmpdir(), 'cardea-ui-'))
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const child = spawn(binary, ['serve', '--dev', '--data', data, '--listen', `127.0.0.1:${port}`, '--management', '127.0.0.1:0', '--issuer', origin])
  let said = ''
  child.stderr.on('data', (d: Buffer) => (said += d.toString()))
  const gone = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`${origin}/session`).then((r) => r.ok, () => false)
    if (ready) break
    if (tries > 200 || child.exitCode !== null) throw new Error(`the server does not answer: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const mailed = async (to: string, kind: string) => {
    for (let tries = 0; tries < 100; tries++) {
      const page = await (await fetch(`${origin}/dev/mailbox`)).text()
      for (const mail of page.split('<article>').slice(1)) {
        const link = new RegExp(`${origin}/link#${kind}\\.[A-Za-z0-9_-]+`).exec(mail)?.[0]
        if (link && mail.includes(`to ${to}<`)) return link
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`no mail of kind ${kind} to ${to}`)
  }
  let people = 0
  return {
    origin,
    mailed,
    person: (name) => {
      const address = `${name}-${++people}@example.com`
      execFileSync(binary, ['user', 'add', address, '--verified', '--password-stdin', '--dev', '--data', data], { input: demo.password + '\n' })
      return address
    },
    cli: (...args) => execFileSync(binary, [...args, '--dev', '--data', data], { encoding: 'utf8' }),
    stop: async () => {
      child.kill('SIGTERM')
      await gone
      rmSync(data, { recursive: true, force: true })
    },
  }
}
