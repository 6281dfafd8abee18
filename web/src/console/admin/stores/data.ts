import { queryOptions } from '@tanstack/react-query'

import { answer, api, type Schema } from '../../../api/client'
import { pages } from '../data'

export type Store = Schema<'TupleStore'>
export type Model = Schema<'StoreModel'>
export type Outline = Schema<'Outline'>
export type Tuple = Schema<'RelationTuple'>
export type Judgement = Schema<'ModelJudgement'>
export type Change = Schema<'ModelChange'>

export const stores = (name: string) => pages(['stores', 'list', name], (cursor) => answer(api.GET('/api/stores', { params: { query: { ...(name && { name }), limit: 25, ...cursor } } })))

export const store = (id: string) => queryOptions({ queryKey: ['admin', 'stores', 'one', id], queryFn: () => answer(api.GET('/api/stores/{store}', { params: { path: { store: id } } })) })

export const models = (id: string) => pages(['stores', 'models', id], (cursor) => answer(api.GET('/api/stores/{store}/models', { params: { path: { store: id }, query: { limit: 25, ...cursor } } })))

/** A version never changes, so it is fetched once. */
export const model = (id: string, version: string) =>
  queryOptions({ queryKey: ['admin', 'models', id, version], queryFn: () => answer(api.GET('/api/stores/{store}/models/{model}', { params: { path: { store: id, model: version } } })), staleTime: Infinity })

export const difference = (id: string, from: string, to: string) =>
  queryOptions({
    queryKey: ['admin', 'models', id, 'diff', from, to],
    queryFn: () => answer(api.GET('/api/stores/{store}/models/{model}/diff', { params: { path: { store: id, model: to }, query: { from } } })),
    staleTime: Infinity,
  })

/** What the server says of a model that is being written. It depends on the version that is used. */
export const judgement = (id: string, used: string, text: string) =>
  queryOptions({ queryKey: ['admin', 'models', id, 'check', used, text], queryFn: () => answer(api.POST('/api/stores/{store}/models/check', { params: { path: { store: id } }, body: { text } })), staleTime: Infinity, gcTime: 60_000 })

/** Which tuples; what is empty may be anything. */
export interface TupleFilter {
  user: string
  relation: string
  object: string
}

export const tuples = (id: string, { user, relation, object }: TupleFilter) =>
  pages<Tuple>(['tuples', id, user, relation, object], (cursor) =>
    answer(api.GET('/api/stores/{store}/tuples', { params: { path: { store: id }, query: { ...(user && { user }), ...(relation && { relation }), ...(object && { object }), limit: 50, ...cursor } } })),
  )

/** A question that was asked: may somebody, on what, or who. */
export interface Question extends TupleFilter {
  kind: 'check' | 'objects' | 'users'
  type: string
}

/** What a question brings besides itself. */
export type Terms = Omit<Schema<'StoreQuestion'>, keyof TupleFilter>

export const objectsOf = (id: string, user: string, relation: string, type: string, terms: Terms) =>
  listing(['tuples', id, 'objects', user, relation, type, terms], (cursor) =>
    answer(api.POST('/api/stores/{store}/objects', { params: { path: { store: id } }, body: { user, relation, type, limit: 50, ...terms, ...cursor } })),
  )

export const usersOf = (id: string, object: string, relation: string, type: string, terms: Terms, limit = 50) =>
  listing(['tuples', id, 'users', object, relation, type, terms, limit], (cursor) =>
    answer(api.POST('/api/stores/{store}/users', { params: { path: { store: id } }, body: { object, relation, type, limit, ...terms, ...cursor } })),
  )

function listing(key: readonly unknown[], fetch: (cursor: { cursor?: string }) => Promise<Schema<'StoreListing'>>) {
  return {
    queryKey: ['admin', ...key],
    queryFn: ({ pageParam }: { pageParam: string }) => fetch(pageParam ? { cursor: pageParam } : {}),
    initialPageParam: '',
    getNextPageParam: (last: Schema<'StoreListing'>) => last.next || undefined,
  }
}
