import { QueryClient } from '@tanstack/react-query'

import { Problem } from '../api/problem'

/** What was fetched, shared by all pages. A refusal is an answer and is not asked for again; a lost connection is. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (count, cause) => count < 2 && (!(cause instanceof Problem) || cause.status === 0 || cause.status === 503),
    },
  },
})
