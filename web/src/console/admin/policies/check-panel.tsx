import type { ReactNode } from 'react'

import type { Schema } from '../../../api/client'
import { Alert } from '../../../components/alert'
import { Outcomes } from './outcomes'
import { texts } from './texts'

/** What the server says of a draft while it is typed: whether it is sound, and what becomes of its cases. */
export function CheckPanel({ found, pending, unreadable, toCase, toLine, action }: {
  found: Schema<'CheckedPolicies'> | undefined
  pending: boolean
  /** The cases cannot be read, so none of them has run. */
  unreadable: boolean
  toCase: (index: number) => void
  toLine: (line: number) => void
  action?: ReactNode
}) {
  const t = texts.use()
  const failed = found?.cases.filter((o) => !o.passed).length ?? 0
  return (
    <section aria-label={t('check')} className="grid min-w-0 grid-cols-1 content-start gap-4">
      <div className={pending ? 'opacity-60' : ''}>
        {found ? (
          <Alert tone={!found.sound || failed ? 'warning' : 'success'} title={found.sound ? t('check.sound') : t('check.unsound', { count: found.findings.length })}>
            {found.sound && found.cases.length > 0 && (failed ? t('cases.failed', { count: failed, of: String(found.cases.length) }) : t('cases.passed', { count: found.cases.length }))}
            {found.sound && found.cases.length === 0 && (unreadable ? t('cases.unread') : t('cases.none'))}
            {!found.sound && t('check.unsound.text')}
          </Alert>
        ) : (
          <Alert tone="warning" title={pending ? t('check.pending') : t('check.refused')} />
        )}
      </div>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="font-semibold">{t('cases')}</h2>
        {action}
      </div>
      {found && found.cases.length > 0 ? <Outcomes outcomes={found.cases} toCase={toCase} toLine={toLine} /> : <p className="text-sm text-muted">{t('cases.hint')}</p>}
    </section>
  )
}
