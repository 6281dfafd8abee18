import { infiniteQueryOptions, queryOptions, type QueryKey } from '@tanstack/react-query'

import { answer, api, type Schema } from '../../api/client'

// What the administration asks the server for. Keys begin with 'admin', then the noun; a change makes all of a noun stale.

/** A page of a list, as the API answers it. */
export interface Paged<T> {
  items: T[]
  next?: string
}

/** A list that is read page by page; `fetch` gets the cursor of the page before. */
export function pages<T>(key: QueryKey, fetch: (cursor: { cursor?: string }) => Promise<Paged<T>>) {
  return infiniteQueryOptions({
    queryKey: ['admin', ...key],
    queryFn: ({ pageParam }) => fetch(pageParam ? { cursor: pageParam } : {}),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
  })
}

/** What is said by name on many pages stays fresh for longer. */
const named = { staleTime: 120_000 }

export const users = (email: string) =>
  pages(['users', 'list', email], (cursor) => answer(api.GET('/api/users', { params: { query: { ...(email && { email }), limit: 25, ...cursor } } })))

export const user = (id: string) => queryOptions({ queryKey: ['admin', 'users', id], queryFn: () => answer(api.GET('/api/users/{user}', { params: { path: { user: id } } })), ...named })

export const sessionsOf = (id: string) =>
  queryOptions({ queryKey: ['admin', 'sessions', 'of', id], queryFn: () => answer(api.GET('/api/users/{user}/sessions', { params: { path: { user: id } } })) })

export const sessions = pages(['sessions', 'all'], (cursor) => answer(api.GET('/api/sessions', { params: { query: { limit: 25, ...cursor } } })))

export const rolesOfUser = (id: string) =>
  queryOptions({ queryKey: ['admin', 'assignments', 'user', id], queryFn: () => answer(api.GET('/api/users/{user}/roles', { params: { path: { user: id } } })) })

export const rolesOfClient = (id: string) =>
  queryOptions({ queryKey: ['admin', 'assignments', 'service', id], queryFn: () => answer(api.GET('/api/clients/{client}/roles', { params: { path: { client: id } } })) })

export const permissionsOf = (id: string) =>
  pages(['assignments', 'permissions', id], (cursor) => answer(api.GET('/api/users/{user}/permissions', { params: { path: { user: id }, query: { limit: 200, ...cursor } } })))

export const orgsOf = (id: string) =>
  pages(['members', 'of', id], (cursor) => answer(api.GET('/api/users/{user}/orgs', { params: { path: { user: id }, query: cursor } })))

export const consentsOf = (id: string) =>
  pages(['consents', id], (cursor) => answer(api.GET('/api/users/{user}/consents', { params: { path: { user: id }, query: cursor } })))

/** API keys of a user or of a service. */
export const apiKeys = (owner: 'user' | 'service', id: string) =>
  pages<Schema<'APIKey'>>(['apikeys', owner, id], (cursor) =>
    owner === 'user'
      ? answer(api.GET('/api/users/{user}/apikeys', { params: { path: { user: id }, query: cursor } }))
      : answer(api.GET('/api/clients/{client}/apikeys', { params: { path: { client: id }, query: cursor } })),
  )

export const clients = (name: string) =>
  pages(['clients', 'list', name], (cursor) => answer(api.GET('/api/clients', { params: { query: { ...(name && { name }), limit: 25, ...cursor } } })))

export const client = (id: string) => queryOptions({ queryKey: ['admin', 'clients', id], queryFn: () => answer(api.GET('/api/clients/{client}', { params: { path: { client: id } } })), ...named })

export const scopes = pages(['scopes'], (cursor) => answer(api.GET('/api/scopes', { params: { query: { limit: 100, ...cursor } } })))

/** Roles for choosing: as many as anybody chooses from. */
export const allRoles = queryOptions({ queryKey: ['admin', 'roles', 'all'], queryFn: () => answer(api.GET('/api/roles', { params: { query: { limit: 500 } } })) })

export const role = (name: string) => queryOptions({ queryKey: ['admin', 'roles', 'one', name], queryFn: () => answer(api.GET('/api/roles/{role}', { params: { path: { role: name } } })) })

/** To whom a role was given in the whole tenant, in one organisation or on one store. */
export const holders = (name: string, at: { org?: string; store?: string }) =>
  pages(['assignments', 'role', name, at], (cursor) =>
    answer(api.GET('/api/roles/{role}/assignments', { params: { path: { role: name }, query: { ...at, limit: 25, ...cursor } } })),
  )

export const groups = pages(['groups', 'list'], (cursor) => answer(api.GET('/api/groups', { params: { query: { limit: 25, ...cursor } } })))

export const groupMembers = (group: string) =>
  pages(['groups', group], (cursor) => answer(api.GET('/api/groups/{group}/members', { params: { path: { group }, query: { limit: 25, ...cursor } } })))

export const orgs = (name: string) =>
  pages(['orgs', 'list', name], (cursor) => answer(api.GET('/api/orgs', { params: { query: { ...(name && { name }), limit: 25, ...cursor } } })))

export const org = (id: string) => queryOptions({ queryKey: ['admin', 'orgs', id], queryFn: () => answer(api.GET('/api/orgs/{org}', { params: { path: { org: id } } })), ...named })

export const members = (id: string) =>
  pages(['members', 'in', id], (cursor) => answer(api.GET('/api/orgs/{org}/members', { params: { path: { org: id }, query: { limit: 25, ...cursor } } })))

export const invitations = (id: string) =>
  pages(['invitations', id], (cursor) => answer(api.GET('/api/orgs/{org}/invitations', { params: { path: { org: id }, query: { limit: 25, ...cursor } } })))

/** Which events. Only one of kind, actor, object and person may be asked for. */
export interface EventFilter {
  kind?: string
  actor?: string
  object?: string
  person?: string
  from?: string
  until?: string
}

export const events = (filter: EventFilter, limit = 30) =>
  pages(['events', filter, limit], (cursor) => answer(api.GET('/api/audit/events', { params: { query: { ...filter, limit, ...cursor } } })))

export const keys = queryOptions({ queryKey: ['admin', 'keys'], queryFn: () => answer(api.GET('/api/keys')) })

export const tenant = queryOptions({ queryKey: ['admin', 'tenant'], queryFn: () => answer(api.GET('/api/tenant')) })

export const tenants = pages(['tenants'], (cursor) => answer(api.GET('/api/tenants', { params: { query: cursor } })))

/** All hourly counters of a span of time, oldest hour first. */
export const counters = (from: string, until: string) =>
  queryOptions({
    queryKey: ['admin', 'counters', from, until],
    queryFn: async () => {
      const all: Schema<'Count'>[] = []
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const page: Paged<Schema<'Count'>> = await answer(api.GET('/api/reports/counters', { params: { query: { from, until, limit: 500, ...(cursor && { cursor }) } } }))
        all.push(...page.items)
        cursor = page.next || undefined
      }
      return all
    },
  })
