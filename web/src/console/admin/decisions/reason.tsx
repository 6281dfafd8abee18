import { Ban, CircleCheck } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link } from 'react-router'

import type { Schema } from '../../../api/client'
import { Badge } from '../../../components/badge'
import { classes } from '../../../components/classes'
import { rich } from '../../../texts/catalogue'
import { stepsOf } from '../decision'
import { linkClasses, OrgName, SubjectName } from '../names'
import { Code } from '../parts'
import { Path } from '../path'
import type { Answer, Reason } from './data'
import { texts } from './texts'

type Question = Schema<'DecisionQuestion'>

/** Allowed or denied, in one word. */
export function Verdict({ allowed }: { allowed: boolean }) {
  const t = texts.use()
  return <Badge tone={allowed ? 'success' : 'danger'}>{t(allowed ? 'allowed' : 'denied')}</Badge>
}

/** Who wanted to do what to what. */
export function Asked({ question: q }: { question: Question }) {
  const t = texts.use()
  return <span className="user-text">{rich(t('asked'), { who: <SubjectName subject={q.subject} />, action: <Code>{q.action.name}</Code>, resource: <Code>{q.resource.type}:{q.resource.id}</Code> })}</span>
}

const byPolicy = { policy: 'reason.policy', forbidden: 'reason.forbidden', condition: 'reason.condition' } as const

/** Why, in a sentence in the language of the page; in the server's own words where only it knows what happened. */
export function ReasonText({ reason: r, question: q }: { reason: Reason; question: Question }): ReactNode {
  const t = texts.use()
  const who = <SubjectName subject={q.subject} />
  if (r.kind === 'role' && r.role) return rich(t(r.org ? 'reason.role_in_org' : 'reason.role'), { who, role: <SubjectName subject={{ type: 'role', id: r.role }} />, permission: <Code>{r.permission ?? q.action.name}</Code>, org: r.org && <OrgName id={r.org} /> })
  if (r.policy && r.kind in byPolicy) return rich(t(byPolicy[r.kind as keyof typeof byPolicy]), { policy: <Code>{r.policy}</Code>, place: <PolicyPlace reason={r} /> })
  if (r.kind === 'not_granted' && !r.engine?.startsWith('store:')) return rich(t('reason.not_granted'), { who, permission: <Code>{r.permission ?? q.action.name}</Code> })
  return r.text
}

/** Where a policy stands: its set, version and line. */
function PolicyPlace({ reason: r }: { reason: Reason }) {
  const t = texts.use()
  const set = (r.engine ?? '').replace(/^policies:/, '')
  if (!r.version) return t('reason.draft', { set, line: String(r.line ?? 1) })
  return (
    <Link to={`/admin/policies/${encodeURIComponent(set)}?version=${r.version}&line=${r.line ?? 1}`} className={linkClasses}>
      {t('reason.place', { set, version: String(r.version), line: String(r.line ?? 1) })}
    </Link>
  )
}

/** An answer in full: the verdict, every reason, the way there, and what conditions have read. */
export function AnswerCard({ answer, question, title }: { answer: Answer; question: Question; title?: ReactNode }) {
  const t = texts.use()
  const Icon = answer.decision ? CircleCheck : Ban
  const [first, ...others] = answer.reasons
  const paths = answer.reasons.filter((r) => r.path?.length)
  const read = answer.reasons.flatMap((r) => Object.entries(r.values ?? {}))
  return (
    <section className={classes('overflow-hidden rounded-card border bg-surface', answer.decision ? 'border-success' : 'border-danger')}>
      <div className={classes('flex gap-4 p-5 sm:p-6', answer.decision ? 'bg-success-soft' : 'bg-danger-soft')}>
        <Icon size={26} aria-hidden className={classes('shrink-0', answer.decision ? 'text-success' : 'text-danger')} />
        <div className="min-w-0">
          {title && <p className="text-sm text-muted">{title}</p>}
          <h2 className={classes('text-title', answer.decision ? 'text-success' : 'text-danger')}>{t(answer.decision ? 'allowed' : 'denied')}</h2>
          {first && (
            <p className="user-text mt-1 [&_a]:underline">
              <ReasonText reason={first} question={question} />
            </p>
          )}
        </div>
      </div>
      {others.length + paths.length + read.length + (answer.missing?.length ?? 0) > 0 && (
        <div className="grid gap-4 p-5 sm:p-6">
          {others.length > 0 && (
            <ul aria-label={t('reasons.more')} className="grid list-disc gap-1.5 ps-5">
              {others.map((r, i) => (
                <li key={i} className="user-text [&_a]:underline">
                  <ReasonText reason={r} question={question} />
                </li>
              ))}
            </ul>
          )}
          {paths.map((r, i) => (
            <Path key={i} steps={stepsOf(r)} />
          ))}
          {read.length > 0 && <Values values={read} />}
          {!!answer.missing?.length && <p>{rich(t('missing'), { what: <Code>{answer.missing.join(', ')}</Code> })}</p>}
        </div>
      )}
    </section>
  )
}

function Values({ values }: { values: readonly [string, string][] }) {
  const t = texts.use()
  return (
    <div>
      <h3 className="mb-2 text-sm font-semibold text-muted">{t('values')}</h3>
      <ul className="grid gap-1 font-mono text-[0.8125rem]">
        {values.map(([name, value], i) => (
          <li key={i} className="user-text">
            {name} = {value}
          </li>
        ))}
      </ul>
    </div>
  )
}
