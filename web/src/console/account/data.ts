import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { answer, api } from '../../api/client'
import { queries } from '../queries'

// What the account console asks the server for. Keys begin with 'account', then the noun.

export const profile = queryOptions({ queryKey: ['account', 'profile'], queryFn: () => answer(api.GET('/account/profile')) })

export const sessions = queryOptions({ queryKey: ['account', 'sessions'], queryFn: () => answer(api.GET('/account/sessions')) })

/** As many as anybody looks at; whoever has more than 500 has other worries. */
const all = { params: { query: { limit: 500 } } }

export const consents = queryOptions({ queryKey: ['account', 'consents'], queryFn: () => answer(api.GET('/account/consents', all)) })

export const orgs = queryOptions({ queryKey: ['account', 'orgs'], queryFn: () => answer(api.GET('/account/orgs', all)) })

export const roles = queryOptions({ queryKey: ['account', 'roles'], queryFn: () => answer(api.GET('/account/roles')) })

export const invitations = queryOptions({ queryKey: ['account', 'invitations'], queryFn: () => answer(api.GET('/account/invitations')) })

export const apiKeys = queryOptions({ queryKey: ['account', 'apikeys'], queryFn: () => answer(api.GET('/account/apikeys', all)) })

export const scopes = queryOptions({ queryKey: ['account', 'scopes'], queryFn: () => answer(api.GET('/account/scopes')), staleTime: 120_000 })

export const events = infiniteQueryOptions({
  queryKey: ['account', 'events'],
  queryFn: ({ pageParam }) => answer(api.GET('/account/events', { params: { query: { limit: 25, ...(pageParam && { cursor: pageParam }) } } })),
  initialPageParam: '',
  getNextPageParam: (last) => last.next || undefined,
})

/** Has what was fetched of some nouns fetched again. */
export async function refresh(...nouns: string[]): Promise<void> {
  await Promise.all([...nouns, 'events'].map((noun) => queries.invalidateQueries({ queryKey: ['account', noun] })))
}
