import type { Outline } from './data'

type Relation = Outline['types'][number]['relations'][number]
type Subject = Relation['subjects'][number]

/** The type in type:id, as far as it is typed. */
export function typeOf(text: string): string {
  return text.split(':')[0]!.trim()
}

/** The relations of the type of an object; of all types where the type is not known yet. */
export function relationsOf(o: Outline, object: string): string[] {
  const type = o.types.find((t) => t.name === typeOf(object))
  return [...new Set((type ? [type] : o.types).flatMap((t) => t.relations.map((r) => r.name)))].sort()
}

/** The relations that tuples can give: those that follow from others only are left out. */
export function givenRelations(o: Outline, object: string): string[] {
  return o.types.find((t) => t.name === typeOf(object))?.relations.filter((r) => r.subjects.length > 0).map((r) => r.name) ?? []
}

/** Which subjects a tuple may give a relation to. */
export function subjectsOf(o: Outline, object: string, relation: string): Subject[] {
  return o.types.find((t) => t.name === typeOf(object))?.relations.find((r) => r.name === relation)?.subjects ?? []
}

/** A kind of subject as somebody writes it: user:…, team:…#member, user:*. */
export function kindOf(s: Subject): string {
  return s.wildcard ? `${s.type}:*` : s.relation ? `${s.type}:…#${s.relation}` : `${s.type}:…`
}

/** The types that have relations, so that something can be related to them. */
export function objectTypes(o: Outline): string[] {
  return o.types.filter((t) => t.relations.length > 0).map((t) => t.name)
}

/** Whoever can be asked about: types, and sets such as team#member that some tuple may name. */
export function userTypes(o: Outline): string[] {
  const all = o.types.flatMap((t) => t.relations.flatMap((r) => r.subjects.map((s) => (s.relation ? `${s.type}#${s.relation}` : s.type))))
  const plain = o.types.filter((t) => t.relations.length === 0).map((t) => t.name)
  return [...new Set([...plain, ...all])]
}

/** The conditions under which a tuple may give a relation; undefined stands for none. */
export function conditionsOf(o: Outline, object: string, relation: string): (string | undefined)[] {
  return [...new Set(subjectsOf(o, object, relation).map((s) => s.condition))]
}
