import { useMutation, type UseMutationResult } from '@tanstack/react-query'

import { Problem } from '../../api/problem'
import { useSession } from '../../session/session'
import { withStepUp } from '../../session/step-up'

/**
 * Something that changes the account. It asks for a fresh proof where the server wants one and then goes on by itself.
 * That the session was over is forgotten when somebody has signed in again: what was entered is still there.
 */
export function useAct<Out, In = void>(call: (input: In) => Promise<Out>, then: (out: Out, input: In) => unknown): UseMutationResult<Out, unknown, In> {
  const session = useSession()
  const act = useMutation<Out, unknown, In>({ mutationFn: (input) => withStepUp(() => call(input)), onSuccess: (out, input) => void then(out, input) })
  const past = act.error instanceof Problem && act.error.code === 'session_expired' && session.state === 'authenticated'
  return past ? ({ ...act, error: null } as typeof act) : act
}
