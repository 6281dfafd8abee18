import type { Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import { texts } from './texts'
import { SubjectName, Time } from './names'
import { Code } from './parts'

type Event = Schema<'Event'>

const bad = /(failed|locked|revoked|disabled|deleted|denied|reused|stolen|flagged|erased|lifted_out)/

/** What has happened, with colour where somebody should look twice. */
export function EventKind({ kind }: { kind: string }) {
  return <Badge tone={bad.test(kind) ? 'danger' : 'neutral'}>{kind}</Badge>
}

/** One event: a line that says what, who and to what; the rest opens below. */
export function EventRow({ event: e }: { event: Event }) {
  const t = texts.use()
  const object = e.object?.id ? e.object : undefined
  const facts: [string, string][] = [
    ...Object.entries(e.public ?? {}), ...Object.entries(e.personal ?? {}),
    ...(['org', 'client', 'session', 'action', 'reason', 'because', 'request_id', 'person'] as const).flatMap((k): [string, string][] => (e[k] ? [[k, e[k]]] : [])),
    ['id', e.id],
  ]
  return (
    <details className="group border-b border-line last:border-0">
      <summary className="flex cursor-pointer flex-wrap items-baseline gap-x-3 gap-y-1 px-4 py-3 text-sm hover:bg-sunken sm:px-5">
        <span className="w-14 shrink-0 text-xs text-muted tabular-nums max-sm:hidden">{e.seq ? `#${e.seq}` : t('event.unsealed')}</span>
        <EventKind kind={e.kind} />
        <span className="min-w-0 flex-1 basis-40">
          <SubjectName subject={e.actor} />
          {object && (object.id !== e.actor.id || object.type !== 'cardea:' + e.actor.type) && (
            <>
              <span aria-hidden className="mx-1.5 text-muted">
                →
              </span>
              <SubjectName subject={object} />
            </>
          )}
          {e.person && e.person !== object?.id && e.person !== e.actor.id && (
            <span className="text-muted">
              {' '}
              · <SubjectName subject={{ type: 'user', id: e.person }} />
            </span>
          )}
        </span>
        <span className="text-muted">
          <Time at={e.at} />
        </span>
      </summary>
      <dl className="grid gap-x-6 gap-y-1.5 bg-sunken px-4 py-4 text-sm sm:grid-cols-[max-content_minmax(0,1fr)] sm:px-5">
        {facts
          .filter(([, v]) => v !== '')
          .map(([k, v]) => (
            <div key={k} className="contents max-sm:block">
              <dt className="text-muted">{k}</dt>
              <dd className="min-w-0">
                <Code>{v}</Code>
              </dd>
            </div>
          ))}
      </dl>
    </details>
  )
}
