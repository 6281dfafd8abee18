import { useEffect, useState } from 'react'

import { Problem } from '../api/problem'
import { common } from '../texts/common'
import { ruleText } from '../texts/rules'
import { Alert } from './alert'

/** Seconds as people say them: 45 seconds, 9 min 58 sec, 2 hr 5 min. */
export function wait(seconds: number, lang: string): string {
  const say = (value: number, unit: string, unitDisplay: 'long' | 'short' = 'short') => new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay }).format(value)
  if (seconds < 60) return say(seconds, 'second', 'long')
  if (seconds < 3600) return `${say(Math.floor(seconds / 60), 'minute')} ${say(seconds % 60, 'second')}`
  const minutes = Math.ceil(seconds / 60)
  return `${say(Math.floor(minutes / 60), 'hour')} ${say(minutes % 60, 'minute')}`
}

/** Whole seconds that are left of a wait, counted down; 0 when it is over. */
export function useCountdown(seconds: number | undefined): number {
  const [until, setUntil] = useState(0)
  const [now, setNow] = useState(0)
  useEffect(() => {
    if (!seconds) return setUntil(0)
    const start = Date.now()
    setUntil(start + seconds * 1000)
    setNow(start)
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [seconds])
  return Math.max(0, Math.ceil((until - now) / 1000))
}

/** What happened, in the language of the page: by the code of a refusal or the rule that a field breaks, else in the server's own words. */
export function useProblemText(): (problem: unknown) => string {
  const t = common.use()
  return (problem) => {
    if (!(problem instanceof Problem)) return t('problem.unknown')
    const key = `problem.${problem.code}`
    if (common.has(key)) return t(key)
    const [broken] = problem.fields.values()
    if (broken && broken.rule !== 'invalid') return ruleText(broken)
    return problem.detail || t('problem.unknown')
  }
}

/** Says why something was refused, what to do next, how long to wait, and the number to name when asking for help. */
export function ProblemAlert({ problem, title }: { problem: unknown; title?: string }) {
  const t = common.use()
  const words = useProblemText()
  const left = useCountdown(problem instanceof Problem ? problem.retryAfter : undefined)
  if (!problem) return null
  const p = problem instanceof Problem ? problem : undefined
  const ours = !p || p.status >= 500 || p.status === 0
  return (
    <Alert tone="danger" {...(title ? { title } : {})}>
      <p>{words(problem)}</p>
      {left > 0 && (
        <p className="mt-1 font-medium tabular-nums" role="timer">
          {t('try_again_in', { wait: wait(left, document.documentElement.lang) })}
        </p>
      )}
      {p?.requestId && ours && <p className="mt-1 text-muted">{t('reference', { id: p.requestId })}</p>}
    </Alert>
  )
}
