import { ChevronRight } from 'lucide-react'
import { useState } from 'react'

import type { Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import { IconButton } from '../../components/button'
import { classes } from '../../components/classes'
import { SubjectName, Time } from './names'
import { Code } from './parts'
import { texts } from './texts'

type Event = Schema<'Event'>

const bad = /(failed|locked|revoked|disabled|deleted|denied|reused|stolen|flagged|erased|lifted_out)/

/** What has happened, with colour where somebody should look twice. */
export function EventKind({ kind }: { kind: string }) {
  return <Badge tone={bad.test(kind) ? 'danger' : 'neutral'}>{kind}</Badge>
}

/** One event: a line that says what, who and to what; the rest opens below. */
export function EventRow({ event: e }: { event: Event }) {
  const t = texts.use()
  const [open, setOpen] = useState(false)
  const object = e.object?.id ? e.object : undefined
  const facts: [string, string][] = [
    ...Object.entries(e.public ?? {}), ...Object.entries(e.personal ?? {}),
    ...(['org', 'client', 'session', 'action', 'reason', 'because', 'request_id', 'person'] as const).flatMap((k): [string, string][] => (e[k] ? [[k, e[k]]] : [])),
    ['id', e.id],
  ]
  return (
    <div className="border-b border-line last:border-0">
      <div className="flex items-start gap-1 px-2 py-1.5 text-sm sm:pe-5">
        <IconButton label={t('event.details', { kind: e.kind })} aria-expanded={open} onClick={() => setOpen(!open)}>
          <ChevronRight size={17} aria-hidden className={classes('transition-transform', open ? 'rotate-90' : 'rtl:rotate-180')} />
        </IconButton>
        <div className="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-3 gap-y-1 py-2">
          <EventKind kind={e.kind} />
          <span className="user-text min-w-0 flex-1 basis-40">
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
          <span className="w-12 text-end text-xs text-muted tabular-nums max-sm:hidden">{e.seq ? `#${e.seq}` : t('event.unsealed')}</span>
        </div>
      </div>
      {open && (
        <dl className="grid gap-x-6 gap-y-1.5 bg-sunken px-5 py-4 text-sm sm:grid-cols-[max-content_minmax(0,1fr)] sm:ps-14">
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
      )}
    </div>
  )
}
