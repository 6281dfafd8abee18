import { expect, it } from 'vitest'

import { rolesWith, stepOf, stepsOf } from './decision'

it('reads tuples', () => {
  expect(stepOf('permission:invoice:read#granted@role:editor#assignee')).toEqual({
    from: { type: 'role', id: 'editor' }, relation: 'granted', to: { type: 'permission', id: 'invoice:read' },
  })
  expect(stepOf('group:a%23b#member@user:x@y')).toEqual({ from: { type: 'user', id: 'x@y' }, relation: 'member', to: { type: 'group', id: 'a#b' } })
})

it('shows a proof from the person to the permission', () => {
  const path = ['permission:doc:write#granted@role:editor#assignee', 'role:editor#assignee@group:team#member', 'group:team#member@user:alice']
  expect(stepsOf({ kind: 'role', text: '', path }).map((s) => `${s.from.id} ${s.relation} ${s.to.id}`)).toEqual(['alice member team', 'team assignee editor', 'editor granted doc:write'])
})

it('adds what a role in an organisation permits', () => {
  const steps = stepsOf({ kind: 'role', text: '', permission: 'doc:write', path: ['org_role:acme/editor#assignee@user:alice'] })
  expect(steps.at(-1)).toEqual({ from: { type: 'org_role', id: 'acme/editor' }, relation: 'granted', to: { type: 'permission', id: 'doc:write' } })
})

it('finds roles that would allow, through others and in circles', () => {
  const made = { created: '' }
  const all = [
    { name: 'reader', permissions: ['doc:read'], inherits: [], ...made },
    { name: 'editor', permissions: [], inherits: ['reader', 'chief'], ...made },
    { name: 'chief', permissions: [], inherits: ['editor'], ...made },
    { name: 'guest', permissions: ['page:read'], inherits: [], ...made },
  ]
  expect(rolesWith('doc:read', all)).toEqual(['reader', 'editor', 'chief'])
  expect(rolesWith('doc:write', all)).toEqual([])
})
