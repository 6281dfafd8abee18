import { useMutation, type UseMutationResult } from '@tanstack/react-query'

import { withStepUp } from '../../session/step-up'

/** Something that changes the account. It asks for a fresh proof, or for signing in again, where the server wants it, and then goes on by itself. */
export function useAct<Out, In = void>(call: (input: In) => Promise<Out>, then: (out: Out, input: In) => unknown): UseMutationResult<Out, unknown, In> {
  return useMutation<Out, unknown, In>({ mutationFn: (input) => withStepUp(() => call(input)), onSuccess: (out, input) => void then(out, input) })
}
