import { Problem } from './problem'

/** What sending a request needs to know. */
export interface Power {
  /** The token that a write by cookie repeats; undefined if nobody is signed in. */
  csrf: () => string | undefined
  /** A short access token for /api. `renew` asks for another one than the last. */
  token: (renew: boolean) => Promise<string>
  /** Called when the server says that the session is over. */
  ended: () => void
  fetch: typeof fetch
}

/** Whether a path takes a bearer token and no cookie: the contract says so of these two. */
export function takesToken(path: string): boolean {
  return /^(\/t\/[^/]+)?\/(api|access)\//.test(path)
}

const over = ['session_expired', 'token_missing', 'token_invalid', 'token_revoked']

/**
 * Makes the function that all calls go through. A path below /api gets an access token, and one more try with a
 * new one after a 401; every other write repeats the CSRF token. A 401 that remains ends the session on this page.
 */
export function transport(power: Power): (request: Request) => Promise<Response> {
  const once = async (request: Request): Promise<Response> => {
    try {
      return await power.fetch(request)
    } catch (cause) {
      if (request.signal.aborted) throw cause
      throw new Problem({ code: 'offline' })
    }
  }
  const withToken = async (request: Request, renew: boolean): Promise<Response> => {
    const sent = request.clone()
    sent.headers.set('Authorization', `Bearer ${await power.token(renew)}`)
    return once(sent)
  }
  return async (request) => {
    if (takesToken(new URL(request.url).pathname)) {
      const response = await withToken(request, false)
      return response.status === 401 ? withToken(request, true) : response
    }
    const csrf = power.csrf()
    if (request.method !== 'GET' && csrf && !request.headers.has('X-CSRF-Token')) request.headers.set('X-CSRF-Token', csrf)
    const response = await once(request)
    if (response.status === 401) {
      const body = (await response.clone().json().catch(() => ({}))) as { code?: string }
      if (body.code && over.includes(body.code)) power.ended()
    }
    return response
  }
}
