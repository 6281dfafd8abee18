import createClient, { type Client } from 'openapi-fetch'

import { AccessToken } from './access-token'
import { Problem, problemFrom } from './problem'
import type { components, paths } from './schema'
import { cookie, site } from './site'
import { transport } from './transport'

/** Names of the contract, for pages: Schema<'User'>. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name]

const ended = new Set<() => void>()

/** Calls f whenever the server says that the session is over. */
export function onSessionEnd(f: () => void): () => void {
  ended.add(f)
  return () => ended.delete(f)
}

/** The token that writes by cookie repeat. Another tab may have signed in anew: the cookie knows. */
export function csrfToken(): string | undefined {
  return cookie(site.csrfCookie)
}

/** The access token for /api. */
export const accessToken = new AccessToken(() => answer(api.POST('/session/token')))

/** The server. Paths, bodies and answers are typed by the contract. Use `answer` to have refusals thrown. */
export const api: Client<paths> = createClient<paths>({
  baseUrl: location.origin + site.base,
  fetch: transport({
    csrf: csrfToken,
    token: (renew) => accessToken.get(renew),
    ended: () => ended.forEach((f) => f()),
    fetch: (request) => fetch(request),
  }),
})

/** Waits for a call and returns its data; a refusal is thrown as a Problem. */
export async function answer<Data>(call: Promise<{ data?: Data; error?: unknown; response: Response }>): Promise<Data> {
  try {
    const { data, error, response } = await call
    if (!response.ok) throw problemFrom(response, error)
    return data as Data
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new Problem({ code: 'unreadable' }) // no JSON: something between us and the server
    throw cause
  }
}
