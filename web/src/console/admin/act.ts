import { useMutation, type UseMutationResult } from '@tanstack/react-query'

import { toast } from '../../components/toast'
import { withStepUp } from '../../session/step-up'
import { queries } from '../queries'

/** What follows a change that the server has made. */
export interface After<Out, In> {
  /** The nouns whose data are stale now; see data.ts. */
  stale: readonly string[]
  /** Said in a toast. */
  done?: string
  then?: (out: Out, input: In) => unknown
}

/** Something that changes the server: asks for a fresh proof where the server wants one, refreshes what is shown, says that it is done. */
export function useAct<Out, In = void>(call: (input: In) => Promise<Out>, after: After<Out, In>): UseMutationResult<Out, unknown, In> {
  return useMutation({
    mutationFn: (input: In) => withStepUp(() => call(input)),
    onSuccess: async (out, input) => {
      if (after.done) toast(after.done)
      await after.then?.(out, input)
      void Promise.all(after.stale.map((noun) => queries.invalidateQueries({ queryKey: ['admin', noun] })))
      void queries.invalidateQueries({ queryKey: ['admin', 'events'] })
    },
  })
}
