import { useCallback, useEffect, useState } from 'react'

import { site } from '../../../api/site'
import type { Mark } from '../../../components/code-editor'
import { useSession } from '../../../session/session'
import type { PolicyDraft, PolicyVersion } from './data'

/** What somebody types: the parts of a version, as texts. */
export interface Draft {
  policies: string
  schema: string
  /** A JSON list of cases. */
  cases: string
  note: string
  /** The version that it was begun from; 0: none. */
  from: number
}

const example = `// Who may do what, in Cedar. What no policy permits is denied, and whatever one forbids.
@id("editors-write")
permit(
  principal in Role::"editor",
  action == Action::"write",
  resource
);
`

/** A draft to begin with: a version, or an example where there is none yet. */
export function draftOf(v: PolicyVersion | undefined): Draft {
  if (!v) return { policies: example, schema: '', cases: '', note: '', from: 0 }
  return { policies: v.policies ?? '', schema: v.schema ?? '', cases: v.cases?.length ? casesText(v.cases) : '', note: '', from: v.number }
}

/** Cases as people write them. */
export function casesText(cases: readonly unknown[]): string {
  return '[\n' + cases.map((c) => JSON.stringify(c, null, 2).replace(/^/gm, '  ')).join(',\n') + '\n]\n'
}

/** What is sent, and what is wrong with the cases before anything can be sent. */
export function bodyOf(d: Pick<Draft, 'policies' | 'schema' | 'cases'>): { body: PolicyDraft; marks: Mark[] } {
  const body: PolicyDraft = { policies: d.policies, ...(d.schema.trim() && { schema: d.schema }) }
  if (!d.cases.trim()) return { body, marks: [] }
  try {
    const cases: unknown = JSON.parse(d.cases)
    if (!Array.isArray(cases)) return { body, marks: [{ line: 1, column: 1, text: 'list' }] }
    return { body: { ...body, cases: cases as NonNullable<PolicyDraft['cases']> }, marks: [] }
  } catch {
    return { body, marks: [{ ...faultIn(d.cases), text: 'json' }] }
  }
}

const tokens = /\s*(?:("(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})|[^"\\\u0000-\u001f])*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|([[\]{},:]))/y

/** Where JSON ends to be JSON. Browsers tell it in the message of their error only, and not always. */
export function faultIn(text: string): { line: number; column: number } {
  const open: string[] = []
  let expected = 'value'
  tokens.lastIndex = 0
  let at = 0
  for (let m = tokens.exec(text); m; m = tokens.exec(text)) {
    const [, string, plain, sign] = m
    const inList = open.at(-1) === '['
    const closes = sign === (inList ? ']' : '}') && open.length > 0 && /end|first/.test(expected)
    if (closes) open.pop()
    const after = open.length === 0 ? 'nothing' : 'end'
    if (closes) expected = after
    else if (string !== undefined && /name/.test(expected)) expected = 'colon'
    else if ((string ?? plain) !== undefined && /value/.test(expected)) expected = after
    else if (sign === ':' && expected === 'colon') expected = 'value'
    else if (sign === ',' && expected === 'end') expected = inList ? 'value' : 'name'
    else if ((sign === '[' || sign === '{') && /value/.test(expected)) {
      open.push(sign)
      expected = sign === '[' ? 'first value' : 'first name'
    } else break
    at = tokens.lastIndex
  }
  at += /^\s*/.exec(text.slice(at))![0].length
  const before = text.slice(0, Math.min(at, text.trimEnd().length)).split('\n')
  return { line: before.length, column: new TextEncoder().encode(before.at(-1)).length + 1 }
}

/** The lines on which the members of a JSON list begin. */
export function memberLines(text: string): number[] {
  const out: number[] = []
  let [line, depth, fresh] = [1, 0, false]
  for (const [token] of text.matchAll(/"(?:\\.|[^"\\])*"|\n|[[\]{},]|[^\s[\]{},"]+/g)) {
    if (token === '\n') line++
    else if (token === ']' || token === '}') depth--
    else if (token === ',') fresh = depth === 1
    else {
      if (fresh && depth === 1) out.push(line)
      fresh = false
      if (token === '[' || token === '{') fresh = ++depth === 1
    }
  }
  return out
}

const empty = { read: () => null, write: () => undefined }

/** What is kept of a draft for this person in this tab: a reload, a page in between or a session that ends loses nothing. */
function keeper(key: string | undefined): { read: () => Draft | null; write: (d: Draft | null) => void } {
  if (!key) return empty
  return {
    read: () => {
      try {
        return JSON.parse(sessionStorage.getItem(key) ?? 'null') as Draft | null
      } catch {
        return null
      }
    },
    write: (d) => {
      try {
        if (d) sessionStorage.setItem(key, JSON.stringify(d))
        else sessionStorage.removeItem(key)
      } catch {
        // Storage may be full or forbidden; the browser asks before the page is left.
      }
    },
  }
}

/** Under what name drafts of a set are kept; undefined without a person. */
export function useDraftKey(set: string): string | undefined {
  const s = useSession()
  return s.state === 'authenticated' ? `cardea-policies ${site.base} ${s.user.id} ${set}` : undefined
}

/** A draft of a set that was kept in this tab. */
export function keptDraft(key: string | undefined): Draft | null {
  return keeper(key).read()
}

const same = (a: Draft, b: Draft) => a.policies === b.policies && a.schema === b.schema && a.cases === b.cases && a.note === b.note

/** A draft that is being typed. It begins as `start`, or as what was kept. */
export function useDraft(key: string | undefined, start: Draft) {
  const [kept] = useState(() => keptDraft(key))
  const [draft, set] = useState(kept ?? start)
  const touched = !same(draft, start)
  const change = useCallback((part: Partial<Draft>) => set((now) => ({ ...now, ...part })), [])
  useEffect(() => keeper(key).write(touched ? draft : null), [key, draft, touched])
  useEffect(() => {
    if (!touched) return
    const ask = (e: BeforeUnloadEvent) => e.preventDefault()
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [touched])
  const discard = useCallback((next: Draft) => {
    keeper(key).write(null)
    set(next)
  }, [key])
  return { draft, change, touched, restored: kept !== null && touched, discard }
}
