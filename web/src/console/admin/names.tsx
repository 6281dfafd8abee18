import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import type { Schema } from '../../api/client'
import { useCan } from '../../session/session'
import { rich } from '../../texts/catalogue'
import { useLocale } from '../../texts/language'
import { client, org, user } from './data'
import { store } from './stores/data'
import { texts } from './texts'

export const linkClasses = 'user-text font-medium text-accent underline-offset-3 hover:underline'

function Id({ id }: { id: string }) {
  return <bdi className="font-mono text-[0.8125rem]">{id}</bdi>
}

/** The name by which people know an account. */
export function nameOf(u: Pick<Schema<'User'>, 'id' | 'name' | 'email'>): string {
  return u.name || u.email || u.id
}

/** A user by name, with a link; the id alone where the account is gone or may not be seen. */
export function UserName({ id }: { id: string }) {
  const can = useCan()
  const { data } = useQuery({ ...user(id), enabled: can('cardea:user.read'), retry: false })
  return data ? (
    <Link to={`/admin/users/${id}`} className={linkClasses}>
      {nameOf(data)}
    </Link>
  ) : (
    <Id id={id} />
  )
}

/** An application by name, with a link. */
export function ClientName({ id }: { id: string }) {
  const can = useCan()
  const { data } = useQuery({ ...client(id), enabled: can('cardea:client.read'), retry: false })
  return data ? (
    <Link to={`/admin/applications/${encodeURIComponent(id)}`} className={linkClasses}>
      {data.name}
    </Link>
  ) : (
    <Id id={id} />
  )
}

/** An organisation by name, with a link. */
export function OrgName({ id }: { id: string }) {
  const can = useCan()
  const { data } = useQuery({ ...org(id), enabled: can('cardea:org.read'), retry: false })
  return data ? (
    <Link to={`/admin/organisations/${id}`} className={linkClasses}>
      {data.name}
    </Link>
  ) : (
    <Id id={id} />
  )
}

/** A store of relation tuples by name, with a link; the id alone where it is gone or may not be seen. One's `own` may be seen by a role on it alone. */
export function StoreName({ id, own = false }: { id: string; own?: boolean }) {
  const can = useCan()
  const { data } = useQuery({ ...store(id), enabled: own || can('cardea:authz.store.read'), retry: false })
  return data ? (
    <Link to={`/admin/stores/${id}`} className={linkClasses}>
      {data.name}
    </Link>
  ) : (
    <Id id={id} />
  )
}

/** On what a role counts. */
export function PlaceName({ of: a }: { of: Pick<Schema<'Assignment'>, 'org' | 'store'> }) {
  const t = texts.use()
  if (a.org) return <span>{rich(t('assign.in_org'), { org: <OrgName id={a.org} /> })}</span>
  if (a.store) return <span>{rich(t('assign.on_store'), { store: <StoreName id={a.store} /> })}</span>
  return <>{t('assign.everywhere')}</>
}

/** Whoever can hold a role: a user, a service, the members of a group. */
export function SubjectName({ subject }: { subject: { type: string; id?: string } }) {
  const t = texts.use()
  const id = subject.id ?? ''
  switch (subject.type.replace(/^cardea:/, '')) {
    case 'user':
      return <UserName id={id} />
    case 'service':
    case 'client':
      return <ClientName id={id} />
    case 'org':
      return <OrgName id={id} />
    case 'role':
      return (
        <Link to={`/admin/roles/${encodeURIComponent(id)}`} className={linkClasses}>
          {id}
        </Link>
      )
    case 'group':
      return (
        <Link to={`/admin/groups/${encodeURIComponent(id)}`} className={linkClasses}>
          {t('group.members_of', { group: id })}
        </Link>
      )
    case 'operator':
      return <>{t('subject.operator', { name: id })}</>
    case 'anonymous':
      return <>{t('subject.anonymous')}</>
    case 'session':
      return <>{t('subject.session')}</>
    case 'system':
      return <>{t('subject.system')}</>
    default:
      return (
        <span>
          {subject.type.replace(/^cardea:/, '')} {id && <Id id={id} />}
        </span>
      )
  }
}

/** When, as people of the language write it; the exact time on hover and for programs. */
export function Time({ at, day = false }: { at: string; day?: boolean }) {
  const lang = useLocale()
  const when = new Date(at)
  return (
    <time dateTime={at} title={when.toLocaleString(lang, { dateStyle: 'full', timeStyle: 'long' })} className="whitespace-nowrap">
      {when.toLocaleString(lang, day ? { dateStyle: 'medium' } : { dateStyle: 'medium', timeStyle: 'short' })}
    </time>
  )
}
