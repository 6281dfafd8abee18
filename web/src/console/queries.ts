import { QueryClient } from '@tanstack/react-query'

import { Problem } from '../api/problem'

/**
 * What was fetched, shared by all pages. A refusal is an answer and is not asked for again; a lost connection is, and
 * is said when it stays: nothing waits in silence for a connection, and no change is made later than it was asked for.
 */
export const queries = new QueryClient({
  defaultOptions: {
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      staleTime: 15_000,
      retry: (count, cause) => count < 2 && (!(cause instanceof Problem) || cause.status === 0 || cause.status === 503),
    },
  },
})
