import { keepPreviousData, queryOptions } from '@tanstack/react-query'

import { answer, api, type Schema } from '../../../api/client'
import { pages } from '../data'

export type PolicySet = Schema<'PolicySet'>
export type PolicyVersion = Schema<'PolicyVersion'>
export type PolicyDraft = Schema<'PolicyDraft'>
export type Plan = Schema<'DecisionPlan'>

export const policySets = pages(['policies', 'list'], (cursor) => answer(api.GET('/api/policies', { params: { query: { limit: 50, ...cursor } } })))

/** Sets for choosing: as many as a tenant has. */
export const allPolicySets = queryOptions({ queryKey: ['admin', 'policies', 'all'], queryFn: () => answer(api.GET('/api/policies', { params: { query: { limit: 100 } } })) })

export const policySet = (set: string) => queryOptions({ queryKey: ['admin', 'policies', 'one', set], queryFn: () => answer(api.GET('/api/policies/{set}', { params: { path: { set } } })) })

export const versions = (set: string) =>
  pages(['policies', 'versions', set], (cursor) => answer(api.GET('/api/policies/{set}/versions', { params: { path: { set }, query: { limit: 25, ...cursor } } })))

/** Versions for choosing, the newest. */
export const newestVersions = (set: string) =>
  queryOptions({ queryKey: ['admin', 'policies', 'newest', set], queryFn: () => answer(api.GET('/api/policies/{set}/versions', { params: { path: { set }, query: { limit: 200 } } })) })

/** A version never changes. */
export const version = (set: string, number: number) =>
  queryOptions({
    queryKey: ['admin', 'policies', 'version', set, number], staleTime: 3_600_000,
    queryFn: () => answer(api.GET('/api/policies/{set}/versions/{number}', { params: { path: { set, number } } })),
  })

export const diff = (set: string, from: number, number: number) =>
  queryOptions({
    queryKey: ['admin', 'policies', 'diff', set, from, number],
    queryFn: () => answer(api.GET('/api/policies/{set}/versions/{number}/diff', { params: { path: { set, number }, query: { from } } })),
  })

/** What is wrong with a draft, and what becomes of its cases. What was found before stays until there is more. */
export const check = (set: string, draft: PolicyDraft) =>
  queryOptions({
    queryKey: ['admin', 'policy-check', set, draft], staleTime: Infinity, gcTime: 60_000, placeholderData: keepPreviousData,
    queryFn: () => answer(api.POST('/api/policies/{set}/check', { params: { path: { set } }, body: draft })),
  })

export const plans = queryOptions({ queryKey: ['admin', 'plans'], queryFn: () => answer(api.GET('/api/plans')) })

export const decisionPoints = queryOptions({ queryKey: ['admin', 'points'], queryFn: () => answer(api.GET('/api/decision-points')) })

/** Stores of relation tuples, by name; for choosing. */
export const stores = queryOptions({ queryKey: ['admin', 'stores', 'choice'], queryFn: () => answer(api.GET('/api/stores', { params: { query: { limit: 200 } } })) })
