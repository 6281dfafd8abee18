import { queryOptions, useQuery } from '@tanstack/react-query'
import { useParams } from 'react-router'

import { answer, api } from '../../../api/client'
import { Problem } from '../../../api/problem'
import { knownSession, useCan, useSession } from '../../../session/session'
import { rolesOfUser } from '../data'
import { queries } from '../../queries'

/** What somebody may do on one store beside what counts in the whole tenant. */
interface Powers {
  read: boolean
  readModels: boolean
  change: boolean
}

const none: Powers = { read: false, readModels: false, change: false }

/** What is asked for on the pages of a store. Whoever has all of it in the whole tenant is asked about no further. */
const asked = ['authz.check', 'authz.model.read', 'authz.model.write', 'authz.tuple.read', 'authz.tuple.write', 'authz.store.read', 'authz.store.update', 'authz.store.delete'].map((a) => `cardea:${a}`)

/**
 * What somebody may do on a store, as far as it can be told. Cardea's own roles say it themselves. What another role
 * permits may be read by few, and a role of a group is in no list of one's own: then all is offered but what the server
 * refuses to show, and the server decides.
 */
const powers = (me: string, everywhere: ReadonlySet<string>, store: string) =>
  queryOptions({
    queryKey: ['admin', 'assignments', 'powers', me, store],
    queryFn: async (): Promise<Powers> => {
      if (asked.every((p) => everywhere.has(p))) return none
      const { items } = await queries.fetchQuery(rolesOfUser(me))
      const held = items.filter((a) => a.store === store).map((a) => a.role)
      if (held.length === 0 && everywhere.has('cardea:authz.store.read')) return none
      if (held.includes('cardea:admin')) return { read: true, readModels: true, change: true }
      if (held.length > 0 && held.every((r) => r === 'cardea:viewer')) return { read: true, readModels: true, change: false }
      return { read: true, readModels: await readsModelsOf(store), change: true }
    },
  })

/** Fetches what `useCanHere` says, and returns the same. */
export async function loadPowers(store: string): Promise<(permission: string) => boolean> {
  const session = await knownSession()
  if (session.state !== 'authenticated') return () => false
  const p = await queries.ensureQueryData(powers(session.user.id, session.permissions, store))
  return (permission) => session.permissions.has(permission) || permit(p, permission)
}

async function readsModelsOf(store: string): Promise<boolean> {
  try {
    await answer(api.GET('/api/stores/{store}/models', { params: { path: { store }, query: { limit: 1 } } }))
    return true
  } catch (e) {
    if (e instanceof Problem && e.status === 403) return false
    throw e
  }
}

/** Whether powers permit what is a permission on a store. */
export function permit(p: Powers | undefined, permission: string): boolean {
  if (!p) return false
  if (permission === 'cardea:authz.model.read') return p.readModels
  return permission.endsWith('.read') ? p.read : p.change
}

/** Whether the signed-in person may do something on the store of this page, by a role in the whole tenant or on this store. It only hides; the server decides. */
export function useCanHere(): (permission: string) => boolean {
  const [can, session, store] = [useCan(), useSession(), useParams()['store']!]
  const [me, everywhere] = session.state === 'authenticated' ? [session.user.id, session.permissions] : ['', new Set<string>()]
  const { data } = useQuery({ ...powers(me, everywhere, store), enabled: false }) // the loader has asked
  return (permission) => can(permission) || permit(data, permission)
}
