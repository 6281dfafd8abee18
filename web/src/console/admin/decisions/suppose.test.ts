import { describe, expect, it } from 'vitest'

import { asItIs, nothing, suppositionOf, tuplesOf } from './suppose'

describe('what is supposed', () => {
  it('is read line by line', () => {
    expect(tuplesOf(' user:bob  assignee role:editor \n\nuser:a member group:g#member')).toEqual({ tuples: [{ user: 'user:bob', relation: 'assignee', object: 'role:editor' }, { user: 'user:a', relation: 'member', object: 'group:g#member' }] })
    expect(tuplesOf('user:bob assignee').wrong).toBe('user:bob assignee')
    expect(tuplesOf('a b c d').wrong).toBe('a b c d')
  })
  it('leaves out what is not said', () => {
    expect(suppositionOf(nothing)).toEqual({ roles: {}, store: {} })
    expect(suppositionOf({ ...nothing, roleDelete: 'a b c', sets: [{ set: 'x', version: 2, draft: '' }, { set: 'y', version: 0, draft: 'permit' }] })).toEqual({
      roles: { delete: [{ user: 'a', relation: 'b', object: 'c' }] }, store: {}, policies: [{ set: 'x', version: 2 }, { set: 'y', policies: 'permit' }],
    })
    expect(suppositionOf({ ...nothing, storeWrite: 'nonsense' })).toBeUndefined()
  })
  it('may be nothing', () => expect([asItIs(nothing), asItIs({ ...nothing, model: ' ' }), asItIs({ ...nothing, storeWrite: 'x' })]).toEqual([true, true, false]))
})
