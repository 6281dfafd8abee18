import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { UserCog } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useNavigate, useParams, type LoaderFunctionArgs } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Alert } from '../../components/alert'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { Checkbox } from '../../components/checkbox'
import { EmptyState } from '../../components/empty-state'
import { TextArea, TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { Tabs } from '../../components/tabs'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { queries } from '../queries'
import { useAct } from './act'
import { fieldError } from './application-new'
import { AssignDialog, builtIn, unassign } from './assign'
import { allRoles, holders, role } from './data'
import { List } from './list'
import { SubjectName, Time } from './names'
import { Asking, Back, Code, linesOf, useParam } from './parts'
import { PlaceField, type Place } from './place'
import { texts } from './texts'

type Role = Schema<'Role'>

const isBuiltIn = (name: string) => (builtIn as readonly string[]).includes(name)

/** Fetches the role before its page is shown. Cardea's own are compiled in. */
export const loader = async ({ params }: LoaderFunctionArgs) => (isBuiltIn(params['role']!) ? null : queries.ensureQueryData(role(params['role']!)))

/** One role: what it permits, what it takes from others, and who has it. */
export function Component() {
  const name = useParams()['role']!
  return isBuiltIn(name) ? <OwnRole name={name} /> : <TenantRole name={name} />
}

function OwnRole({ name }: { name: string }) {
  const t = texts.use()
  return (
    <>
      <Back to="/admin/roles">{t('roles.title')}</Back>
      <PageHeader title={name} description={t(name === builtIn[0] ? 'role.admin' : 'role.viewer')} />
      <Holders name={name} />
    </>
  )
}

function TenantRole({ name }: { name: string }) {
  const [t, can] = [texts.use(), useCan()]
  const { data: r } = useSuspenseQuery(role(name))
  const navigate = useNavigate()
  const [tab, setTab] = useParam('tab')
  const remove = useAct(() => answer(api.DELETE('/api/roles/{role}', { params: { path: { role: name } } })), {
    stale: [], done: t('role.deleted'),
    then: async () => {
      await navigate('/admin/roles')
      queries.removeQueries({ queryKey: role(name).queryKey })
      void queries.invalidateQueries({ queryKey: ['admin', 'roles'] })
    },
  })
  return (
    <>
      <Back to="/admin/roles">{t('roles.title')}</Back>
      <PageHeader
        title={r.name}
        description={r.description}
        actions={
          can('cardea:role.delete') && (
            <Asking title={t('role.delete.title', { role: r.name })} text={t('role.delete.text')} confirm={t('role.delete')} run={() => remove.mutateAsync()}>
              {t('role.delete')}
            </Asking>
          )
        }
      />
      <Tabs
        label={t('role.tabs')}
        value={tab === 'holders' ? 'holders' : 'permissions'}
        onChange={setTab}
        tabs={[
          { id: 'permissions', label: t('role.permissions'), content: <Permissions key={JSON.stringify(r)} r={r} /> },
          { id: 'holders', label: t('role.holders'), content: <Holders name={r.name} /> },
        ]}
      />
    </>
  )
}

/** What a role permits by way of others, each with the role that it comes from. */
function inherited(r: Pick<Role, 'inherits'>, all: readonly Role[]): Map<string, string> {
  const from = new Map<string, string>()
  const seen = new Set<string>()
  const visit = (name: string) => {
    if (seen.has(name)) return
    seen.add(name)
    const junior = all.find((x) => x.name === name)
    for (const p of junior?.permissions ?? []) if (!from.has(p)) from.set(p, name)
    junior?.inherits.forEach(visit)
  }
  r.inherits.forEach(visit)
  return from
}

function Permissions({ r }: { r: Role }) {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const { data: all } = useQuery(allRoles)
  const [description, setDescription] = useState(r.description ?? '')
  const [permissions, setPermissions] = useState(r.permissions.join('\n'))
  const [inherits, setInherits] = useState<readonly string[]>(r.inherits)
  const save = useAct(() => answer(api.PATCH('/api/roles/{role}', { params: { path: { role: r.name } }, body: { description, permissions: linesOf(permissions), inherits: [...inherits] } })), {
    stale: ['roles', 'assignments'], done: c('saved'),
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  const more = inherited({ inherits: [...inherits] }, all?.items ?? [])
  const others = all?.items.filter((x) => x.name !== r.name) ?? []
  const may = can('cardea:role.update')
  return (
    <form className="grid grid-cols-1 gap-6" onSubmit={submit}>
      <Card
        title={t('role.permits')}
        description={t('role.permits.text')}
        footer={
          may && (
            <Button type="submit" busy={save.isPending}>
              {c('save')}
            </Button>
          )
        }
      >
        <div className="grid gap-5">
          <ProblemAlert problem={save.error} />
          <TextField label={t('role.description')} maxLength={500} readOnly={!may} value={description} onChange={(e) => setDescription(e.target.value)} />
          <TextArea
            label={t('role.permissions')} hint={t('role.permissions.hint')} rows={Math.max(4, Math.min(14, permissions.split('\n').length + 1))} readOnly={!may} value={permissions}
            onChange={(e) => setPermissions(e.target.value)} error={fieldError(save.error, '/permissions')} className="font-mono text-sm" dir="ltr"
          />
          {others.length > 0 && (
            <fieldset disabled={!may}>
              <legend className="mb-2 text-sm font-medium">{t('role.inherits')}</legend>
              <div className="grid gap-2.5 sm:grid-cols-2">
                {others.map((x) => (
                  <Checkbox
                    key={x.name} label={x.name} hint={x.description} checked={inherits.includes(x.name)}
                    onChange={(e) => setInherits(e.target.checked ? [...inherits, x.name] : inherits.filter((n) => n !== x.name))}
                  />
                ))}
              </div>
              {fieldError(save.error, '/inherits') && <p className="mt-2 text-sm font-medium text-danger">{fieldError(save.error, '/inherits')}</p>}
            </fieldset>
          )}
        </div>
      </Card>
      {more.size > 0 && (
        <Card title={t('role.inherited')} description={t('role.inherited.text')}>
          <ul className="grid gap-2">
            {[...more].map(([p, from]) => (
              <li key={p} className="flex flex-wrap items-center gap-2 text-sm">
                <Code>{p}</Code>
                <span className="text-muted">{t('role.from', { role: from })}</span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </form>
  )
}

function Holders({ name }: { name: string }) {
  const [t, can] = [texts.use(), useCan()]
  const [place, setPlace] = useState<Place | undefined>({})
  const [giving, setGiving] = useState(false)
  const back = useAct(unassign, { stale: ['assignments'], done: t('assign.taken') })
  const give = can('cardea:role.assign') && (
    <Button icon={<UserCog size={18} aria-hidden />} onClick={() => setGiving(true)}>
      {t('assign.give')}
    </Button>
  )
  return (
    <div className="grid grid-cols-1 gap-4">
      <div className="flex flex-wrap items-end justify-between gap-4">
        <div className="min-w-0 flex-[1_1_16rem] sm:max-w-xl">
          <PlaceField onChange={setPlace} />
        </div>
        {give}
      </div>
      {name === builtIn[0] && <Alert tone="warning">{t('role.admin.care')}</Alert>}
      {place && (
        <List
          query={holders(name, { ...(place.org && { org: place.org.value }), ...(place.store && { store: place.store.value }) })}
          label={t('role.holders')}
          rowKey={(a) => `${a.subject.type}:${a.subject.id}#${a.subject.relation ?? ''}`}
          columns={[
            { id: 'who', title: t('role.holder'), cell: (a) => <SubjectName subject={a.subject} /> },
            { id: 'type', title: t('subject.type'), cell: (a) => t(`subject.${a.subject.type}`) },
            { id: 'until', title: t('assign.until'), wideOnly: true, cell: (a) => (a.expires ? <Time at={a.expires} /> : t('assign.no_end')) },
            {
              id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
              cell: (a) =>
                can('cardea:role.unassign') && (
                  <Asking size="small" title={t('assign.take.title', { role: a.role, who: a.subject.id })} text={t('assign.take.text')} confirm={t('assign.take')} label={t('assign.take.title', { role: a.role, who: a.subject.id })} run={() => back.mutateAsync(a)}>
                    {t('assign.take')}
                  </Asking>
                ),
            },
          ]}
          empty={<EmptyState icon={<UserCog aria-hidden />} title={t('role.holders.none')}>{t('role.holders.none.text')}</EmptyState>}
        />
      )}
      {giving && <AssignDialog role={name} {...(place && (place.org || place.store) ? { place } : {})} close={() => setGiving(false)} />}
    </div>
  )
}
