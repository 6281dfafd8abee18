import { queryOptions } from '@tanstack/react-query'

import { answer, api, type Schema } from '../../../api/client'
import type { Choice } from '../../../components/combobox'
import { pages } from '../data'
import { findClients, findUsers } from '../subject'

export type Logged = Schema<'LoggedDecision'>
export type Answer = Schema<'DecisionAnswer'>
export type Reason = Schema<'DecisionReason'>

/** Which decisions of the log. */
export interface DecisionFilter {
  subject?: string
  action?: string
  resource?: string
  decision?: boolean
  from?: string
  until?: string
}

export const decisions = (filter: DecisionFilter) =>
  pages(['decisions', 'list', filter], (cursor) => answer(api.GET('/api/decisions', { params: { query: { ...filter, limit: 25, ...cursor } } })))

export const decision = (id: string) =>
  queryOptions({ queryKey: ['admin', 'decisions', 'one', id], staleTime: 3_600_000, queryFn: () => answer(api.GET('/api/decisions/{decision}', { params: { path: { decision: id } } })) })

export const logSettings = queryOptions({ queryKey: ['admin', 'decision-log'], queryFn: () => answer(api.GET('/api/decision-log')) })

/** People by their address, applications by name; and what was typed, because applications ask about subjects that Cardea does not know. */
export async function findSubjects(text: string): Promise<Choice[]> {
  const found = await Promise.allSettled([findUsers(text), findClients(text)])
  const typed = text.trim() ? [{ value: text.trim(), label: text.trim() }] : []
  return [...found.flatMap((f) => (f.status === 'fulfilled' ? f.value : [])), ...typed]
}
