import { expect, it } from 'vitest'

import { buckets, series } from './series'

const now = new Date(2026, 2, 30, 14, 25)

it('makes hours of a day and days of longer spans', () => {
  const day = buckets('day', now)
  expect([day.length, day[0], day.at(-1)]).toEqual([24, new Date(2026, 2, 29, 15), new Date(2026, 2, 30, 14)])
  const month = buckets('month', now)
  expect([month.length, month[0], month.at(-1)]).toEqual([30, new Date(2026, 2, 1), new Date(2026, 2, 30)])
})

it('adds up what is wanted, where it belongs', () => {
  const starts = buckets('week', now)
  const at = (h: number) => new Date(2026, 2, 30, h).toISOString()
  const counts = [
    { name: 'signin.failed', hour: at(0), count: 2 }, { name: 'signin.failed', hour: at(13), count: 3 }, { name: 'session.started', hour: at(13), count: 9 },
    { name: 'signin.failed', hour: new Date(2026, 2, 1).toISOString(), count: 100 },
  ]
  const points = series(counts, starts, (n) => n === 'signin.failed', (d) => String(d.getDate()))
  expect(points.map((p) => p.value)).toEqual([0, 0, 0, 0, 0, 0, 5])
  expect(points[0]!.label).toBe('24')
})
