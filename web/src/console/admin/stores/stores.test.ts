import { describe, expect, it } from 'vitest'

import { columnInBytes, fga, yaml } from './language'
import { lineOf, tuplesOf } from './lines'
import { kindOf, relationsOf, subjectsOf, userTypes } from './outline'
import { treeOf } from './proof'

describe('tuples in lines', () => {
  it('are read as they are written', () => {
    const text = 'user:anne viewer folder:plans\n\n# a remark\n  team:eng#member   viewer folder:x  in_hours {"until": 17}\nuser:* viewer folder:y always'
    const { tuples, wrong } = tuplesOf(text)
    expect(wrong).toEqual([])
    expect(tuples).toEqual([
      { user: 'user:anne', relation: 'viewer', object: 'folder:plans' },
      { user: 'team:eng#member', relation: 'viewer', object: 'folder:x', condition: { name: 'in_hours', context: { until: 17 } } },
      { user: 'user:*', relation: 'viewer', object: 'folder:y', condition: { name: 'always' } },
    ])
    expect(tuplesOf(tuples.map(lineOf).join('\n')).tuples).toEqual(tuples)
  })
  it.each(['anne viewer folder:x', 'user:anne viewer', 'user:anne viewer folder', 'user:anne viewer folder:x a b c'])('%s is none', (line) => {
    expect(tuplesOf('user:a b c:d\n' + line).wrong).toEqual([{ line: 2, why: 'form' }])
  })
  it('say that a context is no object', () => expect(tuplesOf('user:a b c:d e {"x"}').wrong).toEqual([{ line: 1, why: 'context' }]))
})

describe('a proof as a tree', () => {
  it('begins with the object and ends with who asks', () => {
    const [root, ...more] = treeOf('folder:q3', [
      { user: 'folder:plans', relation: 'parent', object: 'folder:q3' },
      { user: 'team:eng#member', relation: 'viewer', object: 'folder:plans' },
      { user: 'user:anne', relation: 'member', object: 'team:eng' },
    ])
    expect(more).toEqual([])
    expect(root).toEqual({ relation: '', node: 'folder:q3', steps: [{ relation: 'parent', node: 'folder:plans', steps: [{ relation: 'viewer', node: 'team:eng#member', steps: [{ relation: 'member', node: 'user:anne', steps: [] }] }] }] })
  })
  it('has several branches, ends where tuples lead in a circle, and loses none', () => {
    const both = treeOf('doc:1', [
      { user: 'user:a', relation: 'writer', object: 'doc:1' },
      { user: 'user:a', relation: 'allowed', object: 'doc:1' },
    ])
    expect(both[0]!.steps.map((s) => s.relation)).toEqual(['writer', 'allowed'])
    const circle = treeOf('team:a', [
      { user: 'team:b#member', relation: 'member', object: 'team:a' },
      { user: 'team:a#member', relation: 'member', object: 'team:b' },
      { user: 'user:x', relation: 'owner', object: 'elsewhere:1' },
    ])
    expect(JSON.stringify(circle).match(/"relation":"(member|owner)"/g)).toHaveLength(3)
  })
})

describe('what a model offers', () => {
  const o = {
    types: [
      { name: 'user', relations: [] },
      { name: 'team', relations: [{ name: 'member', subjects: [{ type: 'user' }] }] },
      { name: 'folder', relations: [{ name: 'viewer', subjects: [{ type: 'user', wildcard: true }, { type: 'team', relation: 'member' }] }, { name: 'seen', subjects: [] }] },
    ],
    conditions: [],
  }
  it('is told by the object', () => {
    expect(relationsOf(o, 'folder:x')).toEqual(['seen', 'viewer'])
    expect(relationsOf(o, '')).toEqual(['member', 'seen', 'viewer'])
    expect(subjectsOf(o, 'folder:x', 'viewer').map(kindOf)).toEqual(['user:*', 'team:…#member'])
    expect(userTypes(o)).toEqual(['user', 'team#member'])
  })
})

describe('colours', () => {
  const of = (line: string) => fga(line).filter((p) => p.kind).map((p) => `${p.kind} ${p.text}`)
  it.each([
    ['    define viewer: [user with x] or editor from parent # why', ['keyword define', 'name viewer', 'keyword with', 'keyword or', 'keyword from', 'comment # why']],
    ['type folder', ['keyword type', 'name folder']],
    ['    define can: a but not b', ['keyword define', 'name can', 'keyword but not']],
    ['team#member', []],
  ])('%s', (line, kinds) => {
    expect(of(line)).toEqual(kinds)
    expect(fga(line).map((p) => p.text).join('')).toBe(line)
  })
  it('know keys and values of a store file', () => {
    expect(yaml('  - user: user:anne # who').filter((p) => p.kind).map((p) => p.text)).toEqual(['user', '# who'])
    expect(yaml('    assertions: {viewer: true}').filter((p) => p.kind).map((p) => p.text)).toEqual(['assertions', 'viewer', 'true'])
  })
})

it('columns of characters become columns of bytes', () => {
  expect(columnInBytes('ä\nñé x', 2, 1)).toBe(1)
  expect(columnInBytes('ä\nñé x', 2, 4)).toBe(6)
  expect(columnInBytes('', 3, 2)).toBe(1)
})
