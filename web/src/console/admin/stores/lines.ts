import type { Tuple } from './data'

/** A line of a text that is no tuple, counted from 1. */
export interface Wrong {
  line: number
  why: 'form' | 'context'
}

/**
 * Tuples of a text, one a line: user, relation and object, then perhaps the name of a condition and its context as
 * JSON. What begins with # is a remark.
 */
export function tuplesOf(text: string): { tuples: Tuple[]; wrong: Wrong[] } {
  const tuples: Tuple[] = []
  const wrong: Wrong[] = []
  text.split('\n').forEach((raw, i) => {
    const line = raw.trim()
    if (!line || line.startsWith('#')) return
    const m = /^(\S+)\s+(\S+)\s+(\S+)(?:\s+([^\s{]\S*)(?:\s+(\{.*\}))?)?$/.exec(line)
    if (!m || !/^[^:]+:./.test(m[1]!) || !/^[^:]+:./.test(m[3]!)) {
      wrong.push({ line: i + 1, why: 'form' })
      return
    }
    const [, user, relation, object, name, context] = m
    const tuple: Tuple = { user: user!, relation: relation!, object: object! }
    if (name) {
      const known = context ? jsonObject(context) : {}
      if (!known) {
        wrong.push({ line: i + 1, why: 'context' })
        return
      }
      tuple.condition = { name, ...(context ? { context: known } : {}) }
    }
    tuples.push(tuple)
  })
  return { tuples, wrong }
}

/** A JSON object; undefined for any other text. */
export function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const v: unknown = JSON.parse(text)
    return typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** A tuple in one line, as tuplesOf reads it. */
export function lineOf({ user, relation, object, condition }: Tuple): string {
  return [user, relation, object, condition?.name, condition?.context !== undefined && JSON.stringify(condition.context)].filter(Boolean).join(' ')
}
