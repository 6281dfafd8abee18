import type { Schema } from '../../api/client'
import type { Point } from '../../components/chart'

/** How far back a chart looks. A day is drawn by the hour, longer spans by the day. */
export const spans = { day: { hours: 24, step: 1 }, week: { hours: 7 * 24, step: 24 }, month: { hours: 30 * 24, step: 24 } } as const
export type Span = keyof typeof spans

const hour = 3_600_000

/** The whole hours, or whole days of this place, that a span covers until now: the beginning of each, and its end. */
export function buckets(span: Span, now: Date): Date[] {
  const { hours, step } = spans[span]
  const first = new Date(now)
  first.setMinutes(0, 0, 0)
  if (step === 24) first.setHours(0)
  const out: Date[] = []
  for (let i = hours / step - 1; i >= 0; i--) {
    const at = new Date(first)
    if (step === 24) at.setDate(at.getDate() - i) // a day can have 23 hours
    else at.setTime(first.getTime() - i * hour)
    out.push(at)
  }
  return out
}

/** Adds up the counters whose name is wanted, for each bucket. */
export function series(counts: readonly Schema<'Count'>[], starts: readonly Date[], wanted: (name: string) => boolean, label: (at: Date) => string): Point[] {
  const points = starts.map((at) => ({ label: label(at), value: 0 }))
  for (const c of counts) {
    if (!wanted(c.name)) continue
    const at = Date.parse(c.hour)
    const i = starts.findLastIndex((s) => s.getTime() <= at)
    if (i >= 0) points[i]!.value += c.count
  }
  return points
}

/** The most in one hour, for each bucket: of what is there at a time, hours do not add up to a day. */
export function peaks(counts: readonly Schema<'Count'>[], starts: readonly Date[], wanted: (name: string) => boolean, label: (at: Date) => string): Point[] {
  const points = starts.map((at) => ({ label: label(at), value: 0 }))
  const hours = new Map<number, number>()
  for (const c of counts) if (wanted(c.name)) hours.set(Date.parse(c.hour), (hours.get(Date.parse(c.hour)) ?? 0) + c.count)
  for (const [at, count] of hours) {
    const i = starts.findLastIndex((s) => s.getTime() <= at)
    if (i >= 0) points[i]!.value = Math.max(points[i]!.value, count)
  }
  return points
}
