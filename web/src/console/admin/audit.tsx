import { useInfiniteQuery } from '@tanstack/react-query'
import { Radio, ScrollText, ShieldCheck } from 'lucide-react'
import { useEffect, useState, type FormEvent } from 'react'
import { useSearchParams } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Alert } from '../../components/alert'
import { Button } from '../../components/button'
import { PageHeader } from '../../components/card'
import { CodeBlock } from '../../components/code-block'
import { Combobox, type Choice } from '../../components/combobox'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { SelectField, TextArea, TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { Skeleton } from '../../components/skeleton'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { useAct } from './act'
import { events, type EventFilter } from './data'
import { EventRow } from './events'
import { findUsers } from './subject'
import { follow } from './tail'
import { texts } from './texts'

const kinds = [
  'session.started', 'session.ended', 'signin.failed', 'user.created', 'user.updated', 'user.disabled', 'user.enabled', 'user.deleted', 'user.unlocked', 'user.password_changed', 'user.email_verified',
  'client.created', 'client.updated', 'client.deleted', 'client.secret_rotated', 'token.issued', 'token.revoked', 'consent.given', 'consent.taken', 'apikey.created', 'apikey.revoked',
  'role.created', 'role.updated', 'role.deleted', 'role.assigned', 'role.unassigned', 'group.member_added', 'group.member_removed', 'org.created', 'member.added', 'member.removed', 'member.invited',
  'key.created', 'key.revoked', 'tenant.configured',
]
const ways = ['kind', 'person', 'actor', 'object'] as const
type Way = (typeof ways)[number]

/** The filter in the address of the page. */
function filterOf(params: URLSearchParams): EventFilter {
  const filter: EventFilter = {}
  const way = ways.find((w) => params.get(w))
  if (way) filter[way] = params.get(way)!
  const [from, until] = [params.get('from'), params.get('until')]
  if (from) filter.from = new Date(from).toISOString()
  if (until) filter.until = new Date(until).toISOString()
  return filter
}

/** What has happened in the tenant, newest first: filtered, followed live, proved to be whole. */
export function Component() {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const [params] = useSearchParams()
  const [live, setLive] = useState(false)
  const [verifying, setVerifying] = useState(false)
  const filter = filterOf(params)
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(events(filter, 25))
  const { fresh, problem } = useTail(live)
  const unfiltered = Object.keys(filter).length === 0
  const listed = data?.pages.flatMap((p) => p.items) ?? []
  const known = new Set(listed.map((e) => e.id))
  const rows = [...(unfiltered ? fresh.filter((e) => !known.has(e.id)) : []), ...listed]
  return (
    <>
      <PageHeader
        title={t('audit.title')}
        description={t('audit.text')}
        actions={
          <>
            {unfiltered && (
              <Button look="secondary" aria-pressed={live} icon={<Radio size={18} aria-hidden className={live ? 'animate-pulse-slow text-danger' : ''} />} onClick={() => setLive(!live)}>
                {live ? t('audit.live_stop') : t('audit.live')}
              </Button>
            )}
            {can('cardea:audit.verify') && (
              <Button icon={<ShieldCheck size={18} aria-hidden />} onClick={() => setVerifying(true)}>
                {t('audit.verify')}
              </Button>
            )}
          </>
        }
      />
      <Filters key={params.toString()} />
      <div className="grid grid-cols-1 gap-4">
        <p role="status" className="sr-only">
          {live && (fresh.length ? t('audit.new', { count: fresh.length }) : t('audit.waiting'))}
        </p>
        <ProblemAlert problem={problem ?? error} />
        {isPending && <Skeleton lines={8} />}
        {rows.length > 0 && (
          <div className="overflow-hidden rounded-card border border-line bg-surface">
            {rows.map((e) => (
              <EventRow key={e.id} event={e} />
            ))}
          </div>
        )}
        {data && rows.length === 0 && (
          <EmptyState icon={<ScrollText aria-hidden />} title={t('audit.none')}>
            {!unfiltered && t('audit.none.text')}
          </EmptyState>
        )}
        {hasNextPage && (
          <Button look="secondary" className="justify-self-center" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {c('load_more')}
          </Button>
        )}
      </div>
      {verifying && <Verify close={() => setVerifying(false)} />}
    </>
  )
}

/** The events that have come since somebody began to follow, newest first. */
function useTail(live: boolean): { fresh: Schema<'Event'>[]; problem: unknown } {
  const [fresh, setFresh] = useState<Schema<'Event'>[]>([])
  const [problem, setProblem] = useState<unknown>()
  useEffect(() => {
    if (!live) return
    const stop = new AbortController()
    setProblem(undefined)
    follow(stop.signal, (e) => setFresh((now) => [e, ...now].slice(0, 500))).catch((cause: unknown) => !stop.signal.aborted && setProblem(cause))
    return () => stop.abort()
  }, [live])
  return { fresh, problem }
}

function Filters() {
  const t = texts.use()
  const [params, setParams] = useSearchParams()
  const [way, setWay] = useState<Way | ''>(ways.find((w) => params.get(w)) ?? '')
  const [value, setValue] = useState(way ? (params.get(way) ?? '') : '')
  const [who, setWho] = useState<Choice | null>(way === 'person' && value ? { value, label: value } : null)
  const [from, setFrom] = useState(params.get('from') ?? '')
  const [until, setUntil] = useState(params.get('until') ?? '')
  const submit = (e: FormEvent) => {
    e.preventDefault()
    const next: Record<string, string> = {}
    const wanted = way === 'person' ? (who?.value ?? '') : value.trim()
    if (way && wanted) next[way] = wanted
    if (from) next['from'] = from
    if (until) next['until'] = until
    setParams(next)
  }
  return (
    <form onSubmit={submit} className="mb-5 grid grid-cols-1 items-end gap-4 rounded-card border border-line bg-surface p-4 sm:grid-cols-[minmax(0,2fr)_minmax(0,2fr)_auto]">
      <SelectField
        label={t('audit.by')} value={way}
        onChange={(e) => {
          setWay(e.target.value as Way | '')
          setValue('')
          setWho(null)
        }}
      >
        <option value="">{t('audit.by.all')}</option>
        {ways.map((w) => (
          <option key={w} value={w}>
            {t(`audit.by.${w}`)}
          </option>
        ))}
      </SelectField>
      {way === 'person' ? (
        <Combobox label={t('subject.who')} placeholder={t('subject.who.hint')} value={who} onChange={setWho} find={findUsers} empty={t('subject.nobody')} />
      ) : (
        <TextField label={way ? t(`audit.by.${way}`) : t('audit.value')} disabled={!way} value={value} list={way === 'kind' ? 'kinds' : undefined} onChange={(e) => setValue(e.target.value)} className="font-mono" dir="ltr" placeholder={way === 'kind' ? 'user.created' : ''} />
      )}
      <datalist id="kinds">
        {kinds.map((k) => (
          <option key={k} value={k} />
        ))}
      </datalist>
      <span className="max-sm:hidden" />
      <TextField label={t('audit.from')} type="datetime-local" value={from} onChange={(e) => setFrom(e.target.value)} />
      <TextField label={t('audit.until')} type="datetime-local" value={until} onChange={(e) => setUntil(e.target.value)} />
      <Button type="submit" look="secondary">
        {t('audit.filter')}
      </Button>
    </form>
  )
}

function Verify({ close }: { close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [pinned, setPinned] = useState('')
  const verify = useAct(() => answer(api.POST('/api/audit/verify', { body: pinned.trim() ? { pinned } : {} })), { stale: [] })
  const found = verify.data
  return (
    <Dialog open onOpenChange={close} title={t('audit.verify')} description={t('audit.verify.text')}>
      <div className="grid grid-cols-1 gap-5">
        <ProblemAlert problem={verify.error} />
        {found ? (
          <>
            <Alert tone={found.ok ? 'success' : 'danger'} title={found.ok ? t('audit.whole') : t('audit.broken')}>
              {found.ok ? t('audit.whole.text', { count: found.sealed }) : found.problem}
              {!found.ok && found.bad_seq !== undefined && <> {t('audit.first_bad', { seq: found.bad_seq })}</>}
              {found.unsealed > 0 && <> {t('audit.unsealed', { count: found.unsealed })}</>}
              {found.pinned !== undefined && found.ok && <> {t('audit.pinned', { count: found.pinned })}</>}
            </Alert>
            {found.checkpoint && (
              <div>
                <p className="mb-2 text-sm text-muted">{t('audit.checkpoint.text')}</p>
                <CodeBlock label={t('audit.checkpoint')}>{found.checkpoint}</CodeBlock>
              </div>
            )}
            <Button className="justify-self-end" onClick={close}>
              {c('close')}
            </Button>
          </>
        ) : (
          <>
            <TextArea label={t('audit.checkpoint.old')} hint={t('audit.checkpoint.old.hint')} rows={4} value={pinned} onChange={(e) => setPinned(e.target.value)} className="font-mono text-sm" dir="ltr" />
            <Button className="justify-self-end" busy={verify.isPending} onClick={() => verify.mutate()}>
              {t('audit.verify')}
            </Button>
          </>
        )}
      </div>
    </Dialog>
  )
}
