import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { AppWindow, ArrowRight, CircleCheck, KeySquare, LogIn, MonitorSmartphone, ShieldAlert, UserCog, UserPlus } from 'lucide-react'
import { useMemo } from 'react'
import { Link } from 'react-router'

import { buttonClasses } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { Chart } from '../../components/chart'
import { classes } from '../../components/classes'
import { ProblemAlert } from '../../components/problem-alert'
import { Skeleton } from '../../components/skeleton'
import { useCan } from '../../session/session'
import { useLocale } from '../../texts/language'
import { allRoles, clients, counters, events, sessions } from './data'
import { EventRow } from './events'
import { linkClasses } from './names'
import { useParam } from './parts'
import { buckets, peaks, series, spans, type Span } from './series'
import { texts } from './texts'

// What counts as what. Failures have their reason behind a slash; tokens are counted by their grant.
const isFailure = (name: string) => name === 'signin.failed' || name.startsWith('signin.failed/')
const isActive = (name: string) => name === 'session.active' || name === 'session.started'
const isToken = (name: string) => ['token.authorization_code', 'token.refresh_token', 'token.client_credentials'].includes(name)

/** What goes on in the tenant, as charts, and what happened last. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const [chosen, choose] = useParam('span')
  const span: Span = chosen in spans ? (chosen as Span) : 'day'
  return (
    <>
      <PageHeader title={t('overview.title')} description={t('overview.text')} actions={<Spans span={span} choose={choose} />} />
      <div className="grid grid-cols-1 gap-6">
        <FirstSteps />
        <Charts span={span} />
        {can('cardea:audit.read') && <Latest />}
      </div>
    </>
  )
}

function Spans({ span, choose }: { span: Span; choose: (span: string) => void }) {
  const t = texts.use()
  return (
    <div role="group" aria-label={t('overview.span')} className="flex rounded-control border border-line bg-surface p-1">
      {(Object.keys(spans) as Span[]).map((s) => (
        <button
          key={s} type="button" aria-pressed={s === span} onClick={() => choose(s === 'day' ? '' : s)}
          className={classes('min-h-9 rounded-lg px-3 text-sm font-medium', s === span ? 'bg-accent-soft text-accent' : 'text-muted hover:text-ink')}
        >
          {t(`overview.span.${s}`)}
        </button>
      ))}
    </div>
  )
}

function Charts({ span }: { span: Span }) {
  const [t, can, lang] = [texts.use(), useCan(), useLocale()]
  const starts = useMemo(() => buckets(span, new Date()), [span])
  const [from, until] = useMemo(() => [starts[0]!.toISOString(), new Date(starts.at(-1)!.getTime() + spans[span].step * 3_600_000).toISOString()], [starts, span])
  const { data, error } = useQuery(counters(from, until))
  const { data: live } = useInfiniteQuery({ ...sessions, enabled: can('cardea:session.read') })
  if (error) return <ProblemAlert problem={error} />
  if (!data) return <Skeleton lines={8} />
  const label = (at: Date) => at.toLocaleString(lang, spans[span].step === 1 ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' })
  const chart = (title: string, icon: typeof LogIn, wanted: (name: string) => boolean, tone: 'accent' | 'danger' | 'brass') => {
    const points = series(data, starts, wanted, label)
    const Icon = icon
    return (
      <Chart
        title={title} icon={<Icon size={16} aria-hidden />} points={points} tone={tone} lang={lang} tableLabel={t('overview.table')} columns={[t('overview.when'), t('overview.count')]}
        total={points.reduce((sum, p) => sum + p.value, 0).toLocaleString(lang)}
      />
    )
  }
  const active = peaks(data, starts, isActive, label)
  const first = live?.pages[0]
  const now = first && (first.next ? t('overview.at_least', { count: first.items.length }) : first.items.length.toLocaleString(lang))
  return (
    <div className="grid grid-cols-1 gap-4">
      {now !== undefined && (
        <Link to="/admin/sessions" className="flex flex-wrap items-center gap-x-4 gap-y-1 rounded-card border border-line bg-surface px-5 py-4 hover:border-line-strong">
          <MonitorSmartphone size={20} className="text-accent" aria-hidden />
          <span className="text-title font-semibold tabular-nums">{now}</span>
          <span className="text-muted">{t('overview.active', { count: first?.items.length ?? 0 })}</span>
          <ArrowRight size={17} aria-hidden className="ms-auto text-muted rtl:rotate-180" />
        </Link>
      )}
      <Chart
        title={t('overview.active_sessions')} icon={<MonitorSmartphone size={16} aria-hidden />} points={active} lang={lang} tableLabel={t('overview.table')}
        columns={[t('overview.when'), t('overview.in_an_hour')]} caption={t('overview.most')} total={Math.max(...active.map((p) => p.value)).toLocaleString(lang)}
      />
      <div className="grid gap-4 md:grid-cols-2">
        {chart(t('overview.sign_ins'), LogIn, (n) => n === 'session.started', 'accent')}
        {chart(t('overview.failures'), ShieldAlert, isFailure, 'danger')}
        {chart(t('overview.tokens'), KeySquare, isToken, 'brass')}
        {chart(t('overview.new_users'), UserPlus, (n) => n === 'user.created', 'accent')}
      </div>
    </div>
  )
}

/** What to do first on a new server; gone when all of it is done. */
function FirstSteps() {
  const [t, can] = [texts.use(), useCan()]
  const { data: apps } = useInfiniteQuery({ ...clients(''), enabled: can('cardea:client.create') })
  const { data: roles } = useQuery({ ...allRoles, enabled: can('cardea:role.create') })
  if (!apps || !roles) return null
  const hasApp = apps.pages.some((p) => p.items.some((a) => !(a.grants as readonly string[] | undefined)?.includes('session')))
  const steps = [
    { done: hasApp, icon: AppWindow, title: t('first.app'), text: t('first.app.text'), to: '/admin/applications/new', action: t('apps.add') },
    { done: roles.items.length > 0, icon: UserCog, title: t('first.role'), text: t('first.role.text'), to: '/admin/roles', action: t('roles.add') },
  ]
  if (steps.every((s) => s.done)) return null
  return (
    <Card title={t('first.title')} description={t('first.text')}>
      <ul className="grid grid-cols-1 gap-4">
        {steps.map((s) => (
          <li key={s.title} className="flex flex-wrap items-center gap-x-4 gap-y-2">
            {s.done ? <CircleCheck size={22} className="text-success" aria-label={t('first.done')} /> : <s.icon size={22} className="text-accent" aria-hidden />}
            <div className="min-w-0 flex-1 basis-56">
              <p className={classes('font-medium', s.done && 'text-muted line-through')}>{s.title}</p>
              {!s.done && <p className="text-sm text-muted">{s.text}</p>}
            </div>
            {!s.done && (
              <Link to={s.to} className={buttonClasses('secondary', 'small')}>
                {s.action}
              </Link>
            )}
          </li>
        ))}
      </ul>
    </Card>
  )
}

function Latest() {
  const t = texts.use()
  const { data, error } = useInfiniteQuery(events({}, 8))
  const rows = data?.pages[0]?.items ?? []
  return (
    <section>
      <div className="mb-3 flex flex-wrap items-baseline justify-between gap-3">
        <h2 className="text-title">{t('overview.latest')}</h2>
        <Link to="/admin/audit" className={linkClasses}>
          {t('overview.all_events')}
        </Link>
      </div>
      <ProblemAlert problem={error} />
      {!data && !error && <Skeleton lines={5} />}
      {rows.length > 0 && (
        <div className="overflow-hidden rounded-card border border-line bg-surface">
          {rows.map((e) => (
            <EventRow key={e.id} event={e} />
          ))}
        </div>
      )}
    </section>
  )
}
