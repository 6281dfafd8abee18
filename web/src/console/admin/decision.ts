import { answer, api, type Schema } from '../../api/client'

/** Somebody or something in a picture of a decision. */
export interface Node {
  type: string
  id: string
}

/** A step of a proof: from one node to the next by a relation. */
export interface Step {
  from: Node
  relation: string
  to: Node
}

const unescape = (s: string) => s.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))

function node(text: string): Node {
  const at = text.indexOf(':')
  return { type: text.slice(0, at), id: unescape(text.slice(at + 1)) }
}

/** Reads type:id#relation@type:id#relation. The first '#' ends the object's id, the next '@' the relation. */
export function stepOf(tuple: string): Step {
  const hash = tuple.indexOf('#')
  const at = tuple.indexOf('@', hash)
  const [subject = ''] = tuple.slice(at + 1).split('#')
  return { from: node(subject), relation: tuple.slice(hash + 1, at), to: node(tuple.slice(0, hash)) }
}

/** The steps of a proof from who asks to what is permitted. A role in an organisation is followed by the permission that it gives. */
export function stepsOf(reason: Schema<'Reason'>): Step[] {
  const steps = (reason.path ?? []).map(stepOf).reverse()
  const last = steps.at(-1)?.to
  if (last && last.type === 'org_role' && reason.permission) steps.push({ from: last, relation: 'granted', to: { type: 'permission', id: reason.permission } })
  return steps
}

/** Who wants to do what to what. */
export interface Question {
  subject: { type: string; id: string }
  action: string
  resource: { type: string; id: string; org: string }
}

/** Asks the decision API and wants to know why. */
export function decide(q: Question): Promise<Schema<'Answer'>> {
  const { type, id, org } = q.resource
  return answer(
    api.POST('/access/v1/evaluation', {
      body: { subject: q.subject, action: { name: q.action }, resource: { type, id, ...(org && { properties: { org } }) }, context: { explain: true } },
    }),
  )
}

/** The roles that would allow an action, by themselves or by a role that they inherit. */
export function rolesWith(permission: string, all: readonly Schema<'Role'>[]): string[] {
  const has = (name: string, seen: Set<string>): boolean => {
    if (seen.has(name)) return false
    seen.add(name)
    const r = all.find((x) => x.name === name)
    return !!r && (r.permissions.includes(permission) || r.inherits.some((junior) => has(junior, seen)))
  }
  // The built-in roles are not stored: the administrator may do everything of Cardea, the viewer reads.
  const builtIn = !permission.startsWith('cardea:') ? [] : permission.endsWith('.read') ? ['cardea:viewer', 'cardea:admin'] : ['cardea:admin']
  return [...all.filter((r) => has(r.name, new Set())).map((r) => r.name), ...builtIn]
}
