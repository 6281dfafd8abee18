import { useEffect, useState } from 'react'

import { useLocale } from '../texts/language'

const units = [['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3_600], ['minute', 60]] as const

/** How long ago something was, or how long until it is: "now", "5 minutes ago", "in 3 days". */
export function ago(at: string, locale: string, now = Date.now()): string {
  const seconds = (Date.parse(at) - now) / 1000
  const say = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return say.format(Math.trunc(seconds / length), unit)
  }
  return say.format(0, 'second')
}

/** The same as an element that keeps up with the clock and says the exact time on hover and to programs. */
export function Ago({ at }: { at: string }) {
  const locale = useLocale()
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000)
    return () => clearInterval(timer)
  }, [])
  return (
    <time dateTime={at} title={new Date(at).toLocaleString(locale, { dateStyle: 'full', timeStyle: 'long' })}>
      {ago(at, locale, now)}
    </time>
  )
}
