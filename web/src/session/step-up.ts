import { Problem } from '../api/problem'
import { signedInAgain } from './session'

/** Somebody who waits for a proof. */
export interface Waiting {
  resolve: () => void
  reject: (cause: unknown) => void
}

let ask: ((w: Waiting) => void) | undefined

/** Names what takes the proof; the dialog does so while it is there. */
export function onStepUp(take: (w: Waiting) => void): () => void {
  ask = take
  return () => (ask = undefined)
}

/** Whether a refusal is lifted by proving again who one is. */
export function wantsStepUp(cause: unknown): boolean {
  return cause instanceof Problem && cause.code === 'insufficient_user_authentication'
}

/**
 * Runs something that the server allows only shortly after a proof. If it asks for one, a dialog takes it and the
 * call runs again; what was entered stays. Closing the dialog throws the refusal. If the session has ended, the call
 * waits for the dialog that signs in again.
 */
export async function withStepUp<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    if (cause instanceof Problem && cause.status === 401 && !wantsStepUp(cause) && (await signedInAgain())) return withStepUp(call)
    if (!wantsStepUp(cause) || !ask) throw cause
    const show = ask
    await new Promise<void>((resolve, reject) => show({ resolve, reject: () => reject(cause) }))
    return call()
  }
}
