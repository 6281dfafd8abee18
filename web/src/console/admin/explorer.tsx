import { useQuery } from '@tanstack/react-query'
import { Ban, CircleCheck } from 'lucide-react'
import { useState, type FormEvent, type ReactNode } from 'react'
import { Link, useSearchParams } from 'react-router'

import type { Schema } from '../../api/client'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { classes } from '../../components/classes'
import { Combobox, type Choice } from '../../components/combobox'
import { TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { Skeleton } from '../../components/skeleton'
import { useCan } from '../../session/session'
import { rich } from '../../texts/catalogue'
import { AssignDialog } from './assign'
import { allRoles, client, org, user } from './data'
import { decide, rolesWith, stepsOf, type Question } from './decision'
import { linkClasses, nameOf, OrgName, SubjectName } from './names'
import { Code } from './parts'
import { Path } from './path'
import { findOrgs, SubjectField, type Subject } from './subject'
import { texts } from './texts'

/** The question in the address of the page; undefined while it is not complete. */
function questionOf(params: URLSearchParams): Question | undefined {
  const [subject = '', action = ''] = [params.get('subject') ?? '', params.get('action') ?? '']
  const at = subject.indexOf(':')
  if (at < 1 || !action) return undefined
  // A role permits an action on everything of a kind; which thing matters only by its organisation.
  const type = params.get('type') || action.split(':')[0] || 'thing'
  return { subject: { type: subject.slice(0, at), id: subject.slice(at + 1) }, action, resource: { type, id: params.get('id') || 'any', org: params.get('org') ?? '' } }
}

/** Asks whether somebody may do something, and shows why in a sentence and a picture. */
export function Component() {
  const t = texts.use()
  const [params] = useSearchParams()
  const q = questionOf(params)
  return (
    <>
      <PageHeader title={t('explorer.title')} description={t('explorer.text')} />
      <div className="grid gap-6">
        <Ask key={params.toString()} />
        {q && <Answered q={q} />}
      </div>
    </>
  )
}

function Ask() {
  const can = useCan()
  const [params] = useSearchParams()
  const q = questionOf(params)
  const { data: who } = useQuery({ ...user(q?.subject.id ?? ''), enabled: q?.subject.type === 'user' })
  const { data: app } = useQuery({ ...client(q?.subject.id ?? ''), enabled: q?.subject.type === 'service' })
  const { data: where } = useQuery({ ...org(q?.resource.org ?? ''), enabled: !!q?.resource.org && can('cardea:org.read') })
  const name = who ? nameOf(who) : (app?.name ?? q?.subject.id)
  const ready = !q || q.subject.type === 'group' || name !== q.subject.id
  return ready || !can('cardea:user.read') ? (
    <Form
      key={`${name} ${where?.name}`}
      {...(q ? { start: { type: q.subject.type as Subject['type'], id: q.subject.id, label: name ?? q.subject.id } } : {})}
      startOrg={q?.resource.org ? { value: q.resource.org, label: where?.name ?? q.resource.org } : null}
    />
  ) : (
    <Card>
      <Skeleton />
    </Card>
  )
}

function Form({ start, startOrg }: { start?: Subject & { label: string }; startOrg: Choice | null }) {
  const [t, can] = [texts.use(), useCan()]
  const [params, setParams] = useSearchParams()
  const [subject, setSubject] = useState<Subject | undefined>(start)
  const [action, setAction] = useState(params.get('action') ?? '')
  const [type, setType] = useState(params.get('type') ?? '')
  const [id, setId] = useState(params.get('id') ?? '')
  const [at, setAt] = useState(startOrg)
  const { data: roles } = useQuery({ ...allRoles, enabled: can('cardea:role.read') })
  const known = [...new Set(roles?.items.flatMap((r) => r.permissions))].sort()
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (!subject) return
    const next = { subject: `${subject.type}:${subject.id}`, action: action.trim(), type: type.trim(), id: id.trim(), org: at?.value ?? '' }
    setParams(Object.entries(next).filter(([, v]) => v), { preventScrollReset: true })
  }
  return (
    <form onSubmit={submit}>
      <Card
        footer={
          <Button type="submit" disabled={!subject || !action.trim()}>
            {t('explorer.ask')}
          </Button>
        }
      >
        <div className="grid gap-5">
          <SubjectField {...(start ? { start } : {})} onChange={setSubject} />
          <TextField label={t('explorer.action')} hint={t('explorer.action.hint')} required list="permissions" value={action} onChange={(e) => setAction(e.target.value)} className="font-mono" dir="ltr" placeholder="invoice:delete" />
          <datalist id="permissions">
            {known.map((p) => (
              <option key={p} value={p} />
            ))}
          </datalist>
          <div className="grid gap-x-4 gap-y-5 sm:grid-cols-3">
            <TextField label={t('explorer.type')} value={type} onChange={(e) => setType(e.target.value)} className="font-mono" dir="ltr" placeholder={action.split(':')[0] || 'invoice'} />
            <TextField label={t('explorer.id')} value={id} onChange={(e) => setId(e.target.value)} className="font-mono" dir="ltr" placeholder={t('explorer.id.any')} />
            {can('cardea:org.read') && <Combobox label={t('explorer.org')} placeholder={t('explorer.org.none')} value={at} onChange={setAt} find={findOrgs} empty={t('orgs.none')} />}
          </div>
        </div>
      </Card>
    </form>
  )
}

function Answered({ q }: { q: Question }) {
  const [t, can] = [texts.use(), useCan()]
  const { data, error, isPending } = useQuery({ queryKey: ['admin', 'assignments', 'decision', q], queryFn: () => decide(q), staleTime: 0 })
  const { data: roles } = useQuery({ ...allRoles, enabled: can('cardea:role.read') })
  const [giving, setGiving] = useState('')
  const subject = { type: q.subject.type, id: q.subject.id }
  if (error) return <ProblemAlert problem={error} />
  if (isPending) return <Skeleton />
  const reason = data.context.reasons?.[0]
  const steps = reason ? stepsOf(reason) : []
  const would = data.decision || reason?.kind === 'barred' ? [] : rolesWith(q.action, roles?.items ?? [])
  const Icon = data.decision ? CircleCheck : Ban
  return (
    <section aria-live="polite" className={classes('overflow-hidden rounded-card border bg-surface', data.decision ? 'border-success' : 'border-danger')}>
      <div className={classes('flex gap-4 p-5 sm:p-6', data.decision ? 'bg-success-soft' : 'bg-danger-soft')}>
        <Icon size={28} aria-hidden className={classes('shrink-0', data.decision ? 'text-success' : 'text-danger')} />
        <div className="min-w-0">
          <h2 className={classes('text-title', data.decision ? 'text-success' : 'text-danger')}>{data.decision ? t('explorer.allowed') : t('explorer.denied')}</h2>
          <p className="user-text mt-1 text-lg [&_a]:underline">
            <Sentence q={q} answer={data} groups={steps.filter((s) => s.to.type === 'group').map((s) => s.to.id)} />
          </p>
        </div>
      </div>
      <div className="grid gap-5 p-5 sm:p-6">
        <Path steps={steps} />
        {!data.decision && reason?.kind !== 'barred' && (
          <div>
            <h3 className="mb-2 text-sm font-semibold text-muted">{t('explorer.missing')}</h3>
            <p>
              {rich(t('explorer.needs'), { permission: <Code>{data.context.missing?.[0] ?? q.action}</Code> })} {would.length === 0 && t('explorer.no_role')}
            </p>
            {would.length > 0 && (
              <ul className="mt-3 grid gap-2">
                {would.map((name) => (
                  <li key={name} className="flex flex-wrap items-center gap-3">
                    <Link to={`/admin/roles/${encodeURIComponent(name)}`} className={linkClasses}>
                      {name}
                    </Link>
                    {can('cardea:role.assign') && (
                      <Button size="small" look="secondary" onClick={() => setGiving(name)}>
                        {t('explorer.give', { role: name })}
                      </Button>
                    )}
                  </li>
                ))}
              </ul>
            )}
          </div>
        )}
        <details className="text-sm">
          <summary className="cursor-pointer text-muted hover:text-ink">{t('explorer.answer')}</summary>
          <pre tabIndex={0} role="region" aria-label={t('explorer.answer')} className="mt-2 overflow-x-auto rounded-control bg-sunken p-4 font-mono text-[0.8125rem]">
            {JSON.stringify(data, null, 2)}
          </pre>
        </details>
      </div>
      {giving && <AssignDialog role={giving} {...(isSubject(subject) ? { subject: { ...subject, label: subject.id } } : {})} close={() => setGiving('')} />}
    </section>
  )
}

function isSubject(s: { type: string; id: string }): s is Subject {
  return s.type === 'user' || s.type === 'service' || s.type === 'group'
}

/** The answer in one sentence, with names in place of numbers. */
function Sentence({ q, answer, groups }: { q: Question; answer: Schema<'Answer'>; groups: readonly string[] }) {
  const t = texts.use()
  const reason = answer.context.reasons?.[0]
  const who = <SubjectName subject={q.subject} />
  const permission = <Code>{q.action}</Code>
  const where = q.resource.org && <OrgName id={q.resource.org} />
  if (reason?.kind === 'barred') return <>{rich(t('explorer.barred'), { who, why: reason.text })}</>
  if (!answer.decision) return <>{rich(t(where ? 'explorer.none_in_org' : 'explorer.none'), { who, permission, org: where })}</>
  const role: ReactNode = <SubjectName subject={{ type: 'role', id: reason?.role ?? '' }} />
  const group = groups.join(', ')
  const key = reason?.org ? (group ? 'explorer.by_group_in_org' : 'explorer.by_role_in_org') : group ? 'explorer.by_group' : 'explorer.by_role'
  return <>{rich(t(key), { who, role, permission, group: <b>{group}</b>, org: reason?.org && <OrgName id={reason.org} /> })}</>
}
