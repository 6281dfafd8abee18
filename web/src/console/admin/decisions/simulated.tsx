import { ArrowRight } from 'lucide-react'
import { Link } from 'react-router'

import type { Schema } from '../../../api/client'
import { Alert } from '../../../components/alert'
import { Table } from '../../../components/table'
import { linkClasses } from '../names'
import { AnswerCard, Asked, ReasonText, Verdict } from './reason'
import { texts } from './texts'

/** What would change, with counts; of one question both answers in full. */
export function Simulated({ found, ofLog }: { found: Schema<'Simulation'>; ofLog: boolean }) {
  const t = texts.use()
  const [one] = found.items
  if (!ofLog && one) {
    return (
      <section aria-label={t('simulated.result')} className="grid grid-cols-1 gap-4">
        <Alert tone={found.changed ? 'warning' : 'success'} title={found.changed ? t('simulated.changed') : t('simulated.unchanged')} />
        <AnswerCard answer={one.before} question={one.question} title={t('simulated.before')} />
        <AnswerCard answer={one.after} question={one.question} title={t('simulated.after')} />
      </section>
    )
  }
  const denied = found.items.filter((i) => i.before.decision).length
  const counts = [
    [t('simulated.looked'), found.looked, ''], [t('simulated.to_allowed'), found.changed - denied, 'text-success'], [t('simulated.to_denied'), denied, 'text-danger'],
  ] as const
  return (
    <section aria-label={t('simulated.result')} className="grid grid-cols-1 gap-4">
      <p role="status" className="sr-only">
        {t('simulated.said', { looked: String(found.looked), count: found.changed })}
      </p>
      <dl className="grid gap-3 sm:grid-cols-3">
        {counts.map(([name, count, tone]) => (
          <div key={name} className="rounded-card border border-line bg-surface p-4">
            <dt className="text-sm text-muted">{name}</dt>
            <dd className={`text-display tabular-nums ${count > 0 ? tone : ''}`}>{count.toLocaleString(document.documentElement.lang)}</dd>
          </div>
        ))}
      </dl>
      {found.looked === 0 && <Alert>{t('simulated.empty')}</Alert>}
      {found.looked > 0 && found.changed === 0 && <Alert tone="success" title={t('simulated.none')} />}
      <Table
        label={t('simulated')}
        rows={found.items}
        rowKey={(i) => i.id ?? ''}
        columns={[
          {
            id: 'question', title: t('question'),
            cell: (i) => (
              <div className="grid gap-1">
                <Asked question={i.question} />
                {i.after.reasons[0] && (
                  <span className="user-text text-muted">
                    {t('simulated.then')} <ReasonText reason={i.after.reasons[0]} question={i.question} />
                  </span>
                )}
              </div>
            ),
          },
          {
            id: 'change', title: t('simulated.change'),
            cell: (i) => (
              <span className="flex items-center gap-1.5 whitespace-nowrap">
                <Verdict allowed={i.before.decision} />
                <ArrowRight size={15} aria-hidden className="text-muted rtl:rotate-180" />
                <span className="sr-only">{t('simulated.then')}</span>
                <Verdict allowed={i.after.decision} />
              </span>
            ),
          },
          { id: 'id', title: <span className="sr-only">{t('decision.title')}</span>, end: true, cell: (i) => <Link to={`/admin/decisions/${i.id}`} className={linkClasses}>{t('simulated.open')}</Link> },
        ]}
      />
    </section>
  )
}
