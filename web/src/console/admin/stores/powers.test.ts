import { describe, expect, it } from 'vitest'

import { permit } from './powers'

describe('what a role on one store permits', () => {
  it('is nothing before it is known', () => expect(permit(undefined, 'cardea:authz.tuple.read')).toBe(false))
  it('is reading, and no question, for a viewer', () => {
    const viewer = { read: true, readModels: true, change: false }
    expect(['authz.store.read', 'authz.tuple.read', 'authz.model.read', 'authz.check', 'authz.tuple.write', 'authz.store.delete'].filter((p) => permit(viewer, `cardea:${p}`))).toEqual(['authz.store.read', 'authz.tuple.read', 'authz.model.read'])
  })
  it('shows no model that the server has refused', () => {
    const some = { read: true, readModels: false, change: true }
    expect(['authz.model.read', 'authz.tuple.read', 'authz.tuple.write'].filter((p) => permit(some, `cardea:${p}`))).toEqual(['authz.tuple.read', 'authz.tuple.write'])
  })
})
