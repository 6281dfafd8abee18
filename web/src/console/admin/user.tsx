import { useInfiniteQuery, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { Building2, MonitorSmartphone, ScrollText, ShieldCheck, UserCog } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { Link, useNavigate, useParams, type LoaderFunctionArgs } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Alert } from '../../components/alert'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, Facts, PageHeader } from '../../components/card'
import { CopyField } from '../../components/copy-field'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { SelectField, TextField } from '../../components/field'
import { ProblemAlert, wait } from '../../components/problem-alert'
import { Skeleton } from '../../components/skeleton'
import { Table } from '../../components/table'
import { Tabs } from '../../components/tabs'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { languages, useLanguage } from '../../texts/language'
import { queries } from '../queries'
import { useAct } from './act'
import { APIKeys } from './api-keys'
import { AssignDialog, builtIn, unassign } from './assign'
import { consentsOf, events, orgsOf, permissionsOf, rolesOfUser, sessionsOf, user } from './data'
import { EventRow } from './events'
import { List } from './list'
import { ClientName, nameOf, OrgName, Time } from './names'
import { Asking, Back, Code, useParam } from './parts'
import { RoleTable } from './role-table'
import { useSessionColumns } from './session-table'
import { texts } from './texts'
import { UserState } from './users'

type User = Schema<'UserDetail'>

/** Fetches the account before its page is shown. */
export const loader = ({ params }: LoaderFunctionArgs) => queries.ensureQueryData(user(params['user']!))

/** One account: who it is, what it may do and why, where it is signed in, what has happened. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const { data: u } = useSuspenseQuery(user(useParams()['user']!))
  const [tab, setTab] = useParam('tab')
  const tabs = [
    { id: 'identity', label: t('user.tab.identity'), content: <Identity u={u} /> },
    ...(can('cardea:session.read') ? [{ id: 'sessions', label: t('sessions.title'), content: <SessionsOf u={u} /> }] : []),
    ...(can('cardea:role.read') ? [{ id: 'roles', label: t('roles.title'), content: <Roles u={u} /> }] : []),
    ...(can('cardea:permission.read') ? [{ id: 'permissions', label: t('user.tab.permissions'), content: <Permissions u={u} /> }] : []),
    ...(can('cardea:member.read') ? [{ id: 'organisations', label: t('orgs.title'), content: <Orgs u={u} /> }] : []),
    ...(can('cardea:consent.read') ? [{ id: 'consents', label: t('user.tab.consents'), content: <Consents u={u} /> }] : []),
    ...(can('cardea:apikey.read') ? [{ id: 'keys', label: t('apikeys'), content: <APIKeys owner="user" id={u.id} name={nameOf(u)} /> }] : []),
    ...(can('cardea:audit.read') ? [{ id: 'events', label: t('user.tab.events'), content: <Events u={u} /> }] : []),
  ]
  return (
    <>
      <Back to="/admin/users">{t('users.title')}</Back>
      <PageHeader title={nameOf(u)} description={<span className="flex flex-wrap items-center gap-2">{u.name && u.email && <bdi>{u.email}</bdi>}
            <UserState state={u.state} /></span>} actions={<Actions u={u} />} />
      <Warnings u={u} />
      <Tabs label={t('user.tabs')} value={tabs.some((x) => x.id === tab) ? tab : 'identity'} onChange={setTab} tabs={tabs} />
    </>
  )
}

function Warnings({ u }: { u: User }) {
  const [t, can, lang] = [texts.use(), useCan(), useLanguage()]
  const unlock = useAct(() => answer(api.POST('/api/users/{user}/unlock', { params: { path: { user: u.id } } })), { stale: ['users'], done: t('user.unlocked') })
  if (!u.locked_for && !u.flagged) return null
  return (
    <div className="mb-6 grid gap-3">
      {u.locked_for && (
        <Alert
          tone="warning" title={t('user.locked')}
          actions={can('cardea:user.unlock') && <Button size="small" look="secondary" busy={unlock.isPending} onClick={() => unlock.mutate()}>{t('user.unlock')}</Button>}
        >
          {t('user.locked.text', { wait: wait(u.locked_for, lang) })}
          <ProblemAlert problem={unlock.error} />
        </Alert>
      )}
      {u.flagged && <Alert tone="danger" title={t('user.flagged')}>{t('user.flagged.text')} <Time at={u.flagged} /></Alert>}
    </div>
  )
}

function Actions({ u }: { u: User }) {
  const [t, can] = [texts.use(), useCan()]
  const navigate = useNavigate()
  const path = { params: { path: { user: u.id } } }
  const disable = useAct(() => answer(api.POST('/api/users/{user}/disable', path)), { stale: ['users', 'sessions'], done: t('user.disabled') })
  const enable = useAct(() => answer(api.POST('/api/users/{user}/enable', path)), { stale: ['users'], done: t('user.enabled') })
  const remove = useAct(() => answer(api.DELETE('/api/users/{user}', path)), {
    stale: [], done: t('user.deleted'),
    then: async () => {
      await navigate('/admin/users')
      queries.removeQueries({ queryKey: user(u.id).queryKey })
      void queries.invalidateQueries({ queryKey: ['admin', 'users', 'list'] })
    },
  })
  const who = nameOf(u)
  return (
    <>
      {u.state === 'disabled' && can('cardea:user.enable') && (
        <Asking look="primary" title={t('user.enable.title', { who })} text={t('user.enable.text')} confirm={t('user.enable')} run={() => enable.mutateAsync()}>
          {t('user.enable')}
        </Asking>
      )}
      {u.state !== 'disabled' && can('cardea:user.disable') && (
        <Asking title={t('user.disable.title', { who })} text={t('user.disable.text')} confirm={t('user.disable')} run={() => disable.mutateAsync()}>
          {t('user.disable')}
        </Asking>
      )}
      {can('cardea:user.delete') && (
        <Asking title={t('user.delete.title', { who })} text={t('user.delete.text')} confirm={t('user.delete')} run={() => remove.mutateAsync()}>
          {t('user.delete')}
        </Asking>
      )}
    </>
  )
}

function Identity({ u }: { u: User }) {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const [changing, setChanging] = useState(false)
  const [name, setName] = useState(u.name ?? '')
  const [locale, setLocale] = useState(u.locale ?? '')
  const save = useAct(() => answer(api.PATCH('/api/users/{user}', { params: { path: { user: u.id } }, body: { name, locale } })), { stale: ['users'], done: c('saved') })
  const download = useAct(() => answer(api.POST('/api/users/{user}/export', { params: { path: { user: u.id } } })), {
    stale: [], then: (all) => keepFile(`${u.id}.json`, JSON.stringify(all, null, 2)),
  })
  const erase = useAct(() => answer(api.POST('/api/users/{user}/erase-audit', { params: { path: { user: u.id } } })), { stale: ['events'], done: t('user.erased') })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  const same = name === (u.name ?? '') && locale === (u.locale ?? '')
  return (
    <div className="grid grid-cols-1 gap-6">
      <Card title={t('user.tab.identity')} actions={can('cardea:user.change_email') && <Button look="secondary" size="small" onClick={() => setChanging(true)}>{t('user.change_email')}</Button>}>
        <div className="grid gap-5">
          <Facts
            items={[
              [t('user.email'), <span className="flex flex-wrap items-center gap-2"><bdi>{u.email ?? '–'}</bdi><Badge tone={u.email_verified ? 'success' : 'warning'}>{u.email_verified ? t('user.verified') : t('user.unverified')}</Badge></span>],
              [t('user.password'), u.password_at ? <Time at={u.password_at} /> : t('user.password.none')],
              [t('user.created'), <Time at={u.created} />],
            ]}
          />
          <CopyField label={t('user.id')} hint={t('user.id.hint')} value={u.id} />
        </div>
      </Card>
      {can('cardea:user.update') && (
        <form onSubmit={submit}>
          <Card title={t('user.profile')} footer={<Button type="submit" busy={save.isPending} disabled={same}>{c('save')}</Button>}>
            <div className="grid gap-5">
              <ProblemAlert problem={save.error} />
              <TextField label={t('user.name')} value={name} maxLength={200} onChange={(e) => setName(e.target.value)} />
              <SelectField label={c('language')} value={locale} onChange={(e) => setLocale(e.target.value)}>
                <option value="">{t('user.locale.none')}</option>
                {Object.entries(languages).map(([tag, words]) => (
                  <option key={tag} value={tag} lang={tag}>
                    {words}
                  </option>
                ))}
                {u.locale && !(u.locale in languages) && <option value={u.locale}>{u.locale}</option>}
              </SelectField>
            </div>
          </Card>
        </form>
      )}
      {(can('cardea:user.export') || can('cardea:audit.erase')) && (
        <Card title={t('user.data')} description={t('user.data.text')}>
          <ProblemAlert problem={download.error} />
          <div className="flex flex-wrap gap-3">
            {can('cardea:user.export') && <Button look="secondary" busy={download.isPending} onClick={() => download.mutate()}>{t('user.export')}</Button>}
            {can('cardea:audit.erase') && (
              <Asking title={t('user.erase.title', { who: nameOf(u) })} text={t('user.erase.text')} confirm={t('user.erase')} run={() => erase.mutateAsync()}>
                {t('user.erase')}
              </Asking>
            )}
          </div>
        </Card>
      )}
      {changing && <ChangeEmail u={u} close={() => setChanging(false)} />}
    </div>
  )
}

/** Hands a file to the browser. */
function keepFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  const a = document.createElement('a')
  a.href = url
  a.download = name
  a.click()
  URL.revokeObjectURL(url)
}

function ChangeEmail({ u, close }: { u: User; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [email, setEmail] = useState('')
  const change = useAct(() => answer(api.PUT('/api/users/{user}/email', { params: { path: { user: u.id } }, body: { email } })), { stale: ['users'], done: t('user.change_email.sent'), then: close })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    change.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={t('user.change_email')} description={t('user.change_email.text')}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={change.error} />
        <TextField label={t('user.new_email')} type="email" required autoComplete="off" value={email} onChange={(e) => setEmail(e.target.value)} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={change.isPending}>
            {t('user.change_email.send')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function SessionsOf({ u }: { u: User }) {
  const [t, can] = [texts.use(), useCan()]
  const { data, error } = useQuery(sessionsOf(u.id))
  const columns = useSessionColumns(false)
  const endAll = useAct(() => answer(api.DELETE('/api/users/{user}/sessions', { params: { path: { user: u.id } } })), { stale: ['sessions'], done: t('sessions.ended') })
  if (error) return <ProblemAlert problem={error} />
  if (!data) return <Skeleton />
  return (
    <div className="grid grid-cols-1 gap-4">
      {data.items.length > 0 && can('cardea:session.revoke') && (
        <div className="justify-self-end">
          <Asking size="small" title={t('sessions.end_all.title', { who: nameOf(u) })} text={t('sessions.end_all.text')} confirm={t('sessions.end_all')} run={() => endAll.mutateAsync()}>
            {t('sessions.end_all')}
          </Asking>
        </div>
      )}
      <Table label={t('sessions.title')} columns={columns} rows={data.items} rowKey={(s) => s.id} empty={<EmptyState icon={<MonitorSmartphone aria-hidden />} title={t('sessions.none_of')} />} />
    </div>
  )
}

function Roles({ u }: { u: User }) {
  const [t, can] = [texts.use(), useCan()]
  const { data, error } = useQuery(rolesOfUser(u.id))
  const [giving, setGiving] = useState(false)
  const give = can('cardea:role.assign') && (
    <Button size="small" icon={<UserCog size={16} aria-hidden />} onClick={() => setGiving(true)}>
      {t('assign.give')}
    </Button>
  )
  if (error) return <ProblemAlert problem={error} />
  if (!data) return <Skeleton />
  return (
    <div className="grid grid-cols-1 gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-muted">{t('user.roles.text')}</p>
        {give}
      </div>
      <RoleTable assignments={data.items} who={nameOf(u)} take={unassign} empty={<EmptyState icon={<UserCog aria-hidden />} title={t('user.roles.none')} action={give}>{t('user.roles.none.text')}</EmptyState>} />
      {giving && <AssignDialog subject={{ type: 'user', id: u.id, label: nameOf(u) }} close={() => setGiving(false)} />}
    </div>
  )
}

function Permissions({ u }: { u: User }) {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(permissionsOf(u.id))
  const { data: held } = useQuery({ ...rolesOfUser(u.id), enabled: can('cardea:role.read') })
  if (error) return <ProblemAlert problem={error} />
  if (!data) return <Skeleton />
  const names = data.pages.flatMap((p) => p.items.map((i) => i.name))
  const groups = new Map<string, string[]>()
  for (const name of names) {
    const noun = name.split(':')[0] ?? ''
    groups.set(noun, [...(groups.get(noun) ?? []), name])
  }
  const own = held?.items.filter((a) => !a.org && !a.store && (builtIn as readonly string[]).includes(a.role)) ?? []
  return (
    <div className="grid grid-cols-1 gap-4">
      <p className="text-sm text-muted">{t('permissions.text')}</p>
      {own.map((a) => (
        <Alert key={a.role} title={a.role}>
          {t(a.role === builtIn[0] ? 'role.admin' : 'role.viewer')}
        </Alert>
      ))}
      {names.length === 0 && <EmptyState icon={<ShieldCheck aria-hidden />} title={t('permissions.none')}>{t('permissions.none.text')}</EmptyState>}
      {[...groups].map(([noun, list]) => (
        <Card key={noun} title={<span className="user-text">{noun}</span>}>
          <ul className="flex flex-wrap gap-2">
            {list.map((name) => (
              <li key={name}>
                {can('cardea:decision.ask') ? (
                  <Link
                    to={`/admin/explorer?subject=user:${u.id}&action=${encodeURIComponent(name)}`} title={t('permissions.why')}
                    className="user-text inline-block rounded-full border border-line px-3 py-1 font-mono text-[0.8125rem] hover:border-accent hover:bg-accent-soft hover:text-accent"
                  >
                    {name}
                  </Link>
                ) : (
                  <Code>{name}</Code>
                )}
              </li>
            ))}
          </ul>
        </Card>
      ))}
      {hasNextPage && <Button look="secondary" className="justify-self-center" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{c('load_more')}</Button>}
    </div>
  )
}

function Orgs({ u }: { u: User }) {
  const t = texts.use()
  return (
    <List
      query={orgsOf(u.id)}
      label={t('orgs.title')}
      rowKey={(m) => m.org}
      columns={[
        { id: 'org', title: t('org.org'), cell: (m) => <OrgName id={m.org} /> },
        { id: 'joined', title: t('member.joined'), end: true, cell: (m) => <Time at={m.joined} day /> },
      ]}
      empty={<EmptyState icon={<Building2 aria-hidden />} title={t('user.orgs.none')}>{t('user.orgs.none.text')}</EmptyState>}
    />
  )
}

function Consents({ u }: { u: User }) {
  const [t, can] = [texts.use(), useCan()]
  const take = useAct((id: string) => answer(api.DELETE('/api/users/{user}/consents/{client}', { params: { path: { user: u.id, client: id } } })), { stale: ['consents'], done: t('consent.taken') })
  return (
    <List
      query={consentsOf(u.id)}
      label={t('user.tab.consents')}
      rowKey={(x) => x.client_id}
      columns={[
        { id: 'client', title: t('app.app'), cell: (x) => <ClientName id={x.client_id} /> },
        { id: 'scopes', title: t('scopes.title'), cell: (x) => x.scopes.join(' ') },
        { id: 'given', title: t('consent.given'), wideOnly: true, cell: (x) => <Time at={x.given} /> },
        {
          id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
          cell: (x) => can('cardea:consent.revoke') && (
            <Asking size="small" title={t('consent.take.title', { who: nameOf(u) })} text={t('consent.take.text')} confirm={t('consent.take')} run={() => take.mutateAsync(x.client_id)}>
              {t('consent.take')}
            </Asking>
          ),
        },
      ]}
      empty={<EmptyState icon={<ShieldCheck aria-hidden />} title={t('consent.none')}>{t('consent.none.text')}</EmptyState>}
    />
  )
}

function Events({ u }: { u: User }) {
  const [t, c] = [texts.use(), common.use()]
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(events({ person: u.id }))
  if (error) return <ProblemAlert problem={error} />
  if (!data) return <Skeleton />
  const rows = data.pages.flatMap((p) => p.items)
  if (rows.length === 0) return <EmptyState icon={<ScrollText aria-hidden />} title={t('audit.none')} />
  return (
    <div className="grid grid-cols-1 gap-4">
      <div className="overflow-hidden rounded-card border border-line bg-surface">
        {rows.map((e) => (
          <EventRow key={e.id} event={e} />
        ))}
      </div>
      {hasNextPage && <Button look="secondary" className="justify-self-center" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{c('load_more')}</Button>}
    </div>
  )
}
