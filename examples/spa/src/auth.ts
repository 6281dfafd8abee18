import { ErrorResponse, UserManager, type User } from 'oidc-client-ts'

import { settings } from './settings'

/** Renews the tokens by itself a minute before they end. */
export const users = new UserManager(settings)

let recovering: Promise<User | null> | undefined

/**
 * Who is signed in. After a reload nothing is in memory; then Cardea is asked in a hidden frame (prompt=none), once for
 * all who ask at the same time. Null if nobody is signed in there.
 */
export async function current(): Promise<User | null> {
  const user = await users.getUser()
  if (user && !user.expired) return user
  recovering ??= users
    .signinSilent()
    .catch((cause: unknown) => {
      if (cause instanceof ErrorResponse) return null // login_required, consent_required and such: the person must act
      throw cause
    })
    .finally(() => (recovering = undefined))
  return recovering
}

/** Leaves for Cardea's sign-in page, and comes back to `to`. */
export async function signIn(to: string): Promise<never> {
  await users.signinRedirect({ state: to })
  return new Promise(() => undefined) // the browser is leaving
}

/** Finishes what signIn has begun and says where to go on. */
export async function finish(): Promise<string> {
  const user = await users.signinRedirectCallback()
  return typeof user.state === 'string' && user.state.startsWith('/') && !user.state.startsWith('//') ? user.state : '/'
}

/** Signs out here and at Cardea, and with that in every application that asks Cardea again. */
export const signOut = (): Promise<void> => users.signoutRedirect()

/** What the API answered: data, or why not. */
export type Answer<T> = { data: T } | { status: number; reason: string }

/** Calls the API with the access token. A 401 is tried once more with a new token. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
  const send = (user: User | null) =>
    fetch('/api' + path, {
      method,
      headers: { Authorization: `Bearer ${user?.access_token ?? ''}`, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  let response = await send(await current())
  if (response.status === 401) response = await send(await users.signinSilent().catch(() => null))
  const text = await response.text()
  const read = text ? (JSON.parse(text) as Record<string, unknown>) : {}
  if (response.ok) return { data: read as T }
  return { status: response.status, reason: String(read['error_description'] ?? read['detail'] ?? read['error'] ?? read['code'] ?? response.statusText) }
}
