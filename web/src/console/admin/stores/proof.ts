import type { Tuple } from './data'

/** Something on the way from an object to whoever has a relation to it: how one comes here, and where one can go on. */
export interface Step {
  /** The relation that leads here; empty at the beginning. */
  relation: string
  /** An object, a set such as team:eng#member, or everybody of a type. */
  node: string
  condition?: Tuple['condition']
  steps: Step[]
}

const objectIn = (user: string) => user.split('#')[0]!

/**
 * The tuples of a proof as a tree that begins with an object. A proof names each tuple once, so each stands in one
 * place; what no other leads to begins a tree of its own.
 */
export function treeOf(object: string, path: readonly Tuple[]): Step[] {
  const left = [...path]
  const grow = (relation: string, node: string, condition?: Tuple['condition']): Step => {
    const steps: Step[] = []
    for (let i = left.findIndex((x) => x.object === objectIn(node)); i >= 0; i = left.findIndex((x) => x.object === objectIn(node))) {
      const [tuple] = left.splice(i, 1)
      steps.push(grow(tuple!.relation, tuple!.user, tuple!.condition))
    }
    return { relation, node, ...(condition ? { condition } : {}), steps }
  }
  const roots = [grow('', object)]
  while (left.length > 0) roots.push(grow('', left[0]!.object))
  return roots
}
