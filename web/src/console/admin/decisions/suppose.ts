import type { Schema } from '../../../api/client'
import { linesOf } from '../parts'

/** Other policies in place of those that decide: a version of a set, or a draft of it. */
export interface SupposedSet {
  set: string
  version: number // 0: the draft
  draft: string
}

/** What is supposed to be otherwise, as somebody types it. */
export interface Supposed {
  roleWrite: string
  roleDelete: string
  storeWrite: string
  storeDelete: string
  model: string
  sets: readonly SupposedSet[]
}

export const nothing: Supposed = { roleWrite: '', roleDelete: '', storeWrite: '', storeDelete: '', model: '', sets: [] }

/** Lines such as "user:bob assignee role:editor" as tuples; the first line that is none. */
export function tuplesOf(text: string): { tuples: Schema<'SupposedTuple'>[]; wrong?: string } {
  const tuples: Schema<'SupposedTuple'>[] = []
  for (const line of linesOf(text)) {
    const [user, relation, object, ...more] = line.split(/\s+/)
    if (!user || !relation || !object || more.length > 0) return { tuples, wrong: line }
    tuples.push({ user, relation, object })
  }
  return { tuples }
}

/** What is sent. Undefined if something that was typed cannot be read. */
export function suppositionOf(s: Supposed): Schema<'Supposition'> | undefined {
  const read = [s.roleWrite, s.roleDelete, s.storeWrite, s.storeDelete].map(tuplesOf)
  if (read.some((r) => r.wrong !== undefined)) return undefined
  const [roleWrite, roleDelete, storeWrite, storeDelete] = read.map((r) => r.tuples) as [Schema<'SupposedTuple'>[], Schema<'SupposedTuple'>[], Schema<'SupposedTuple'>[], Schema<'SupposedTuple'>[]]
  const changes = (write: Schema<'SupposedTuple'>[], remove: Schema<'SupposedTuple'>[]) => ({ ...(write.length > 0 && { write }), ...(remove.length > 0 && { delete: remove }) })
  return {
    roles: changes(roleWrite, roleDelete), store: changes(storeWrite, storeDelete), ...(s.model.trim() && { model: s.model.trim() }),
    ...(s.sets.length > 0 && { policies: s.sets.map(({ set, version, draft }) => ({ set, ...(version ? { version } : { policies: draft }) })) }),
  }
}

/** Whether nothing at all is supposed to be otherwise. */
export function asItIs(s: Supposed): boolean {
  return [s.roleWrite, s.roleDelete, s.storeWrite, s.storeDelete, s.model].every((text) => !text.trim()) && s.sets.length === 0
}
