import { Ban, CircleCheck, CircleX } from 'lucide-react'

import type { Schema } from '../../../api/client'
import { Code } from '../parts'
import { texts } from './texts'

type Outcome = Schema<'PolicyOutcome'>

const effects = { permit: 'effect.permit', forbid: 'effect.forbid', none: 'effect.none' } as const
const effectText = (got: string | undefined) => effects[(got ?? '') as keyof typeof effects] ?? 'effect.unknown'

/** What became of cases: which have failed, and which policies made it so. `toCase` and `toLine` lead to where it stands. */
export function Outcomes({ outcomes, toCase, toLine }: { outcomes: readonly Outcome[]; toCase?: (index: number) => void; toLine?: (line: number) => void }) {
  const t = texts.use()
  return (
    <ul aria-label={t('cases')} className="grid gap-3">
      {outcomes.map((o, i) => (
        <li key={i} className="flex gap-2.5 text-sm">
          {o.passed ? <CircleCheck size={17} aria-label={t('case.passed')} role="img" className="mt-0.5 shrink-0 text-success" /> : o.error ? <Ban size={17} aria-label={t('case.failed')} role="img" className="mt-0.5 shrink-0 text-danger" /> : <CircleX size={17} aria-label={t('case.failed')} role="img" className="mt-0.5 shrink-0 text-danger" />}
          <div className="min-w-0">
            {toCase ? (
              <button type="button" className="user-text rounded text-start font-medium underline-offset-3 hover:underline" onClick={() => toCase(i)}>
                {o.name}
              </button>
            ) : (
              <span className="user-text font-medium">{o.name}</span>
            )}
            {!o.passed && <p className="text-danger">{t('case.instead', { expected: t(effectText(o.expected)), got: t(effectText(o.got)) })}</p>}
            {o.error && <p className="user-text">{o.error}</p>}
            {!o.passed && o.by?.map((b) => (
              <div key={b.policy} className="text-muted">
                <p>
                  <Code>{b.policy}</Code>{' '}
                  {toLine ? (
                    <button type="button" className="rounded text-accent underline-offset-3 hover:underline" onClick={() => toLine(b.line)}>
                      {t('case.line', { line: String(b.line) })}
                    </button>
                  ) : (
                    t('case.line', { line: String(b.line) })
                  )}
                </p>
                {Object.entries(b.values ?? {}).map(([name, value]) => (
                  <p key={name} className="user-text font-mono text-[0.8125rem]">
                    {name} = {value}
                  </p>
                ))}
              </div>
            ))}
          </div>
        </li>
      ))}
    </ul>
  )
}
