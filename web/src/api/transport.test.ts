import { describe, expect, it, vi } from 'vitest'

import { AccessToken } from './access-token'
import { Problem, problemFrom } from './problem'
import { takesToken, transport } from './transport'

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })

function power(answers: Response[]) {
  const sent: Request[] = []
  const p = {
    csrf: vi.fn<() => string | undefined>(() => 'csrf'),
    token: vi.fn(async (renew: boolean) => (renew ? 'second' : 'first')),
    ended: vi.fn(),
    fetch: vi.fn(async (r: RequestInfo | URL) => {
      sent.push(r as Request)
      const next = answers.shift()
      if (!next) throw new TypeError('network')
      return next
    }),
  }
  return { ...p, sent }
}
const request = (path: string, method = 'GET') => new Request('https://id.example' + path, { method })

describe('transport', () => {
  it('repeats the CSRF token with writes by cookie, and only with those', async () => {
    const p = power([json(200, {}), json(200, {}), json(200, {})])
    const send = transport(p)
    await send(request('/account/profile'))
    await send(request('/account/profile', 'PATCH'))
    await send(request('/api/users', 'POST'))
    expect(p.sent.map((r) => r.headers.get('X-CSRF-Token'))).toEqual([null, 'csrf', null])
    expect(p.sent.map((r) => r.headers.get('Authorization'))).toEqual([null, null, 'Bearer first'])
  })
  it('keeps the token of a flow', async () => {
    const p = power([json(200, {})])
    const r = request('/flow/password', 'POST')
    r.headers.set('X-CSRF-Token', 'flow')
    await transport(p)(r)
    expect(p.sent[0]!.headers.get('X-CSRF-Token')).toBe('flow')
  })
  it('tries a refused token once more with a new one', async () => {
    const p = power([json(401, { code: 'token_expired' }), json(200, {})])
    expect((await transport(p)(request('/api/users'))).status).toBe(200)
    expect(p.sent.map((r) => r.headers.get('Authorization'))).toEqual(['Bearer first', 'Bearer second'])
  })
  it('tries no more than once', async () => {
    const p = power([json(401, { code: 'token_expired' }), json(401, { code: 'token_expired' })])
    expect((await transport(p)(request('/t/acme/api/users'))).status).toBe(401)
    expect(p.fetch).toHaveBeenCalledTimes(2)
  })
  it('says when the session is over, and not when a password is wrong', async () => {
    const p = power([json(401, { code: 'invalid_credentials' }), json(401, { code: 'session_expired' })])
    const send = transport(p)
    await send(request('/flow/password', 'POST'))
    expect(p.ended).not.toHaveBeenCalled()
    await send(request('/account/profile'))
    expect(p.ended).toHaveBeenCalledOnce()
  })
  it('calls a lost connection offline', async () => {
    await expect(transport(power([]))(request('/session'))).rejects.toMatchObject({ code: 'offline' })
  })
  it.each([['/api/users', true], ['/access/v1/evaluation', true], ['/t/acme/api/users', true], ['/account/profile', false], ['/apis', false], ['/t/api/session', false]])(
    '%s takes a token: %s', (path, yes) => expect(takesToken(path)).toBe(yes))
})

describe('access token', () => {
  const minted = (n: number) => ({ access_token: `t${n}`, expires_in: 100 })
  it('is exchanged once for many calls', async () => {
    const mint = vi.fn(async () => minted(1))
    const t = new AccessToken(mint, () => 0)
    expect(await Promise.all([t.get(), t.get(), t.get(true)])).toEqual(['t1', 't1', 't1'])
    expect(mint).toHaveBeenCalledOnce()
  })
  it('is renewed at four fifths of its life while the old one is used', async () => {
    let [now, n] = [0, 0]
    const t = new AccessToken(async () => minted(++n), () => now)
    expect(await t.get()).toBe('t1')
    now = 79_999
    expect([await t.get(), n]).toEqual(['t1', 1])
    now = 80_000
    expect(await t.get()).toBe('t1')
    await Promise.resolve()
    now = 80_001
    expect([await t.get(), n]).toEqual(['t2', 2])
  })
  it('is waited for once it has ended', async () => {
    let [now, n] = [0, 0]
    const t = new AccessToken(async () => minted(++n), () => now)
    await t.get()
    now = 100_000
    expect(await t.get()).toBe('t2')
  })
  it('tries again after a failure, and forgets when told', async () => {
    let fail = true
    const t = new AccessToken(async () => { if (fail) throw new Error('x'); return minted(1) }, () => 0)
    await expect(t.get()).rejects.toThrow('x')
    fail = false
    expect(await t.get()).toBe('t1')
    t.drop()
    fail = true
    await expect(t.get()).rejects.toThrow('x')
  })
})

describe('problem', () => {
  it('reads a problem document', () => {
    const p = problemFrom(json(429, {}, { 'Retry-After': '61' }), { code: 'account_locked', detail: 'Wait.', request_id: 'r1', errors: [{ pointer: '/email', rule: 'email', detail: 'no' }, { pointer: '/email', rule: 'length', detail: 'no' }] })
    expect(p).toMatchObject({ status: 429, code: 'account_locked', detail: 'Wait.', requestId: 'r1', retryAfter: 61 })
    expect(p.fields.get('/email')?.rule).toBe('email')
  })
  it('reads an error of OAuth', () => {
    expect(problemFrom(json(400, {}), { error: 'invalid_request', error_description: 'Bad.' })).toMatchObject({ code: 'invalid_request', detail: 'Bad.' })
  })
  it.each([undefined, null, 'text', 3, [], { code: 3 }])('calls %j unreadable', (body) => {
    expect(problemFrom(json(502, {}, { 'X-Request-Id': 'r2' }), body)).toMatchObject({ status: 502, code: 'unreadable', requestId: 'r2' })
    expect(new Problem({ code: 'x' }).retryAfter).toBeUndefined()
  })
})
