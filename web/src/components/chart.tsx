import { useState, type ReactNode } from 'react'

import { classes } from './classes'

/** How much there was in a span of time. */
export interface Point {
  /** When, as people read it. */
  label: string
  value: number
}

const height = 64
const gap = 2

/**
 * Bars over time, with the number under the pointer or of the whole. Drawn by us: a bar is a rectangle, and the
 * lightest library for it weighs more than this page. The same numbers stand in a table for who cannot see it.
 */
export function Chart({ title, icon, total, points, tone = 'accent', caption, tableLabel, columns, lang }: {
  title: string
  icon?: ReactNode
  total: string
  /** What the total is, beside it. */
  caption?: string
  points: readonly Point[]
  tone?: 'accent' | 'danger' | 'brass'
  tableLabel: string
  /** The headings of the table: when, how many. */
  columns: readonly [string, string]
  lang: string
}) {
  const [at, setAt] = useState<number>()
  const shown = at === undefined ? undefined : points[at]
  const most = Math.max(1, ...points.map((p) => p.value))
  const width = 360
  const step = width / Math.max(1, points.length)
  const fill = { accent: 'fill-accent', danger: 'fill-danger', brass: 'fill-brass' }[tone]
  return (
    <section aria-label={title} className="min-w-0 rounded-card border border-line bg-surface p-5 shadow-[0_1px_2px_var(--shadow)]">
      <div className="flex items-center gap-2 text-sm font-medium text-muted">
        {icon}
        <h2 className="font-medium">{title}</h2>
      </div>
      <p className="mt-1 flex flex-wrap items-baseline gap-x-3">
        <span className="text-display font-semibold tabular-nums">{shown ? shown.value.toLocaleString(lang) : total}</span>
        <span className="text-sm text-muted">{shown ? shown.label : caption}</span>
      </p>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        aria-hidden
        className="mt-3 h-16 w-full"
        onPointerMove={(e) => {
          const box = e.currentTarget.getBoundingClientRect()
          setAt(Math.min(points.length - 1, Math.max(0, Math.floor(((e.clientX - box.left) / box.width) * points.length))))
        }}
        onPointerLeave={() => setAt(undefined)}
      >
        {points.map((p, i) => {
          const tall = p.value === 0 ? 1.5 : Math.max(4, (p.value / most) * height)
          return (
            <rect
              key={i}
              x={i * step + gap / 2}
              y={height - tall}
              width={Math.max(1, step - gap)}
              height={tall}
              rx={Math.min(2, step / 4)}
              className={classes(p.value === 0 ? 'fill-line' : fill, at !== undefined && at !== i && p.value > 0 && 'opacity-40')}
            />
          )
        })}
      </svg>
      <div aria-hidden className="mt-1 flex justify-between text-xs text-muted">
        <span>{points[0]?.label}</span>
        <span>{points.at(-1)?.label}</span>
      </div>
      <details className="mt-3 text-sm">
        <summary className="cursor-pointer text-muted hover:text-ink">{tableLabel}</summary>
        <div className="mt-2 max-h-56 overflow-y-auto" tabIndex={0} role="region" aria-label={`${title}, ${tableLabel}`}>
          <table className="w-full">
            <thead>
              <tr className="border-b border-line text-muted">
                <th scope="col" className="py-1 text-start font-medium">
                  {columns[0]}
                </th>
                <th scope="col" className="py-1 text-end font-medium">
                  {columns[1]}
                </th>
              </tr>
            </thead>
            <tbody>
              {points.map((p, i) => (
                <tr key={i}>
                  <td className="py-0.5">{p.label}</td>
                  <td className="py-0.5 text-end tabular-nums">{p.value.toLocaleString(lang)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  )
}
