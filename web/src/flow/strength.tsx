import { useEffect, useState } from 'react'

import { answer, api, type Schema } from '../api/client'
import { classes } from '../components/classes'
import { ruleText, weakness } from '../texts/rules'
import { texts } from './texts'

type Strength = Schema<'Strength'>

/** Asks the server how good a password would be, a moment after the last key. The server keeps nothing. */
export function useStrength(password: string, words: readonly string[]): Strength | undefined {
  const [strength, setStrength] = useState<Strength>()
  const known = words.filter(Boolean).join('\n')
  useEffect(() => {
    if (!password) return setStrength(undefined)
    const stop = new AbortController()
    const timer = setTimeout(() => {
      const body = { password, words: known ? known.split('\n') : [] }
      answer(api.POST('/account/password/strength', { body, signal: stop.signal }))
        .then(setStrength)
        .catch(() => setStrength(undefined)) // a help, no gate: the server judges again when it is set
    }, 250)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [password, known])
  return password ? strength : undefined
}

const colours = ['bg-danger', 'bg-danger', 'bg-warning', 'bg-success', 'bg-success']

/** Shows how good a password is, in words and as a bar. Nothing is shown before something was typed. */
export function StrengthMeter({ strength }: { strength: Strength | undefined }) {
  const t = texts.use()
  const score = strength?.score ?? 0
  const why = weakness(strength?.reason)
  const name = strength && t(`strength.${Math.min(4, Math.max(0, score))}` as 'strength.0')
  return (
    <div aria-live="polite" className="min-h-11 text-sm">
      {strength ? (
        <>
          <div aria-hidden className="mb-1.5 flex gap-1">
            {[1, 2, 3, 4].map((n) => (
              <span key={n} className={classes('h-1 flex-1 rounded-full transition-colors', n <= Math.max(1, score) ? colours[score] : 'bg-line')} />
            ))}
          </div>
          <p>
            <span className="font-medium">{name}</span>
            {!strength.accepted && <span className="text-muted"> · {strength.problems?.[0] ? ruleText(strength.problems[0]) : t('strength.refused')}</span>}
            {strength.accepted && score < 3 && why && <span className="text-muted"> · {why}</span>}
          </p>
        </>
      ) : (
        <p className="text-muted">{t('strength.hint')}</p>
      )}
    </div>
  )
}
