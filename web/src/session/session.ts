import { useSyncExternalStore } from 'react'

import { accessToken, answer, api, csrfToken, onSessionEnd, type Schema } from '../api/client'
import { site } from '../api/site'

export type Me = Schema<'Me'>
export type Person = NonNullable<Me['user']>

/** Who is signed in. Guards wait while it is `recovering`, so that the sign-in page never flashes. */
export type Session =
  | { state: 'recovering' }
  | { state: 'authenticated'; user: Person; permissions: ReadonlySet<string>; me: Me }
  | { state: 'anonymous'; expired: boolean }

type Message = 'signed_in' | 'signed_out'

let current: Session = { state: 'recovering' }
let underway: Promise<Session> | undefined
const listeners = new Set<() => void>()
const tabs = new BroadcastChannel('cardea-session' + site.base)

function become(next: Session): Session {
  current = next
  listeners.forEach((l) => l())
  return next
}

async function ask(): Promise<Session> {
  if (!csrfToken()) return become({ state: 'anonymous', expired: false }) // nothing to ask about
  const me = await answer(api.GET('/session'))
  if (!me.authenticated || !me.user) return become({ state: 'anonymous', expired: true })
  return become({ state: 'authenticated', user: me.user, permissions: new Set(me.permissions), me })
}

/** Asks the server who is signed in; calls at the same time share one answer. Throws a Problem if it cannot tell. */
export function recoverSession(): Promise<Session> {
  return (underway ??= ask().finally(() => (underway = undefined)))
}

/** The session as far as it is known; asks the server if it is not known yet. */
export async function knownSession(): Promise<Session> {
  return current.state === 'recovering' ? recoverSession() : current
}

/** Tells the other tabs. */
export function tellTabs(m: Message): void {
  tabs.postMessage(m)
}

/** Signs out here and in every tab. */
export async function signOut(): Promise<void> {
  await answer(api.DELETE('/session'))
  accessToken.drop()
  tellTabs('signed_out')
  become({ state: 'anonymous', expired: false })
}

/** Follows what other tabs and the server say about the session; once, at the start of a page. */
export function followSession(): void {
  tabs.onmessage = ({ data }: MessageEvent<Message>) => {
    accessToken.drop()
    if (data === 'signed_out') become({ state: 'anonymous', expired: false })
    else void recoverSession().catch(() => undefined)
  }
  onSessionEnd(() => {
    accessToken.drop()
    if (current.state === 'authenticated') become({ state: 'anonymous', expired: true })
  })
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && current.state === 'authenticated') void recoverSession().catch(() => undefined)
  })
}

/**
 * Waits until the person whose session has ended is signed in again, in this tab or another. Whoever else signs in
 * gets a page of their own; see SessionOver. False if no session has ended here.
 */
export function signedInAgain(): Promise<boolean> {
  if (current.state !== 'anonymous' || !current.expired) return Promise.resolve(false)
  return new Promise((resolve) => {
    const look = () => {
      if (current.state !== 'authenticated') return
      listeners.delete(look)
      resolve(true)
    }
    listeners.add(look)
  })
}

/** Who is signed in, for components. */
export function useSession(): Session {
  return useSyncExternalStore(
    (l) => (listeners.add(l), () => listeners.delete(l)),
    () => current,
  )
}

/** Whether the signed-in person holds a permission in the whole tenant, as the server has said. It only hides; the server decides. */
export function useCan(): (permission: string) => boolean {
  const s = useSession()
  return (permission) => s.state === 'authenticated' && s.permissions.has(permission)
}
