import { useSuspenseInfiniteQuery, useSuspenseQuery } from '@tanstack/react-query'
import { AppWindow, Building2, Download, History, KeyRound, LogIn, LogOut, Mail, ShieldAlert, ShieldCheck, UserRound, type LucideIcon } from 'lucide-react'
import { Link } from 'react-router'

import { type Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { EmptyState } from '../../components/empty-state'
import { ProblemAlert } from '../../components/problem-alert'
import { Row, Rows } from '../../components/rows'
import { rich } from '../../texts/catalogue'
import { common } from '../../texts/common'
import { useLocale } from '../../texts/language'
import { queries } from '../queries'
import { consents, events } from './data'
import { useDeviceName } from './device'
import { texts } from './texts'

type Event = Schema<'OwnEvent'>

/** Fetches the newest events, and the names of applications, before the page is shown. */
export const loader = () => Promise.all([queries.ensureInfiniteQueryData(events), queries.ensureQueryData(consents)])

const link = 'font-medium text-accent underline underline-offset-3'

/** What has happened to the account, by day, newest first. */
export function Component() {
  const [t, c, locale] = [texts.use(), common.use(), useLocale()]
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useSuspenseInfiniteQuery(events)
  const { data: allowed } = useSuspenseQuery(consents)
  const names = new Map(allowed.items.map((x) => [x.client_id, x.client_name]))
  const days = byDay(data.pages.flatMap((p) => p.items), locale)
  return (
    <>
      <PageHeader
        title={t('activity.title')}
        description={rich(t('activity.text'), {
          password: (
            <Link to="/account/security" className={link}>
              {t('activity.password')}
            </Link>
          ),
          devices: (
            <Link to="/account/devices" className={link}>
              {t('activity.devices')}
            </Link>
          ),
        })}
      />
      <div className="grid gap-6">
        {days.length === 0 && <EmptyState icon={<History aria-hidden />} title={t('activity.none')} />}
        {days.map(([day, runs]) => (
          <Card key={day} title={day}>
            <Rows label={day}>
              {runs.map((r) => (
                <Happened key={r.event.id} run={r} names={names} />
              ))}
            </Rows>
          </Card>
        ))}
        <ProblemAlert problem={error} />
        {hasNextPage && (
          <Button look="secondary" className="justify-self-center" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {c('load_more')}
          </Button>
        )}
      </div>
    </>
  )
}

/** The same thing, once or several times in a row; the newest event stands for all. */
interface Run {
  event: Event
  times: number
}

/** Events under the days on which they happened, in the order in which they came. */
function byDay(all: readonly Event[], locale: string): [string, Run[]][] {
  const days = new Map<string, Run[]>()
  for (const event of all) {
    const day = new Date(event.at).toLocaleDateString(locale, { dateStyle: 'full' })
    const runs = days.get(day) ?? []
    const last = runs.at(-1)
    if (last && alike(last.event, event)) last.times++
    else runs.push({ event, times: 1 })
    days.set(day, runs)
  }
  return [...days]
}

/** Whether two events read the same but for the time. */
function alike(a: Event, b: Event): boolean {
  const read = (e: Event) => [e.kind, e.by, e.device, e.address, e.client, e.facts?.['client']].join('\n')
  return read(a) === read(b)
}

const icons: readonly [RegExp, LucideIcon][] = [
  [/^session\.started|^session\.strengthened/, LogIn],
  [/^session\./, LogOut],
  [/^signin\.failed|reuse|locked|burned/, ShieldAlert],
  [/password|recover/, ShieldCheck],
  [/email/, Mail],
  [/^apikey\./, KeyRound],
  [/^consent\.|^token\.|^code\./, AppWindow],
  [/^member\./, Building2],
  [/exported/, Download],
  [/^user\./, UserRound],
]

function Happened({ run: { event: e, times }, names }: { run: Run; names: ReadonlyMap<string, string> }) {
  const [t, locale, nameOf] = [texts.use(), useLocale(), useDeviceName()]
  const client = e.facts?.['client'] ?? e.client ?? ''
  const app = names.get(client) || client
  const key = `event.${e.kind}`
  const Icon = icons.find(([kind]) => kind.test(e.kind))?.[1] ?? History
  const alarming = /^signin\.failed|reuse|burned/.test(e.kind)
  const where = [e.device && nameOf(e.device), e.address, e.by !== 'administrator' && app && e.kind.startsWith('session.') && app].filter(Boolean)
  return (
    <Row
      icon={<Icon size={19} className={alarming ? 'text-danger' : ''} />}
      title={texts.has(key) ? t(key, { app: app || t('applications.gone') }) : e.kind}
      badge={
        <>
          {times > 1 && <Badge>{t('activity.times', { count: times })}</Badge>}
          {e.by === 'administrator' && <Badge>{t('activity.by_administrator')}</Badge>}
          {e.by === 'system' && <Badge>{t('activity.by_system')}</Badge>}
          {alarming && <Badge tone="danger">{t('activity.look')}</Badge>}
        </>
      }
      action={
        <time dateTime={e.at} title={new Date(e.at).toLocaleString(locale, { dateStyle: 'full', timeStyle: 'long' })} className="text-sm text-muted tabular-nums">
          {new Date(e.at).toLocaleTimeString(locale, { timeStyle: 'short' })}
        </time>
      }
    >
      {where.length > 0 && where.map((w, i) => [i > 0 && ' · ', <bdi key={i}>{w}</bdi>])}
    </Row>
  )
}
