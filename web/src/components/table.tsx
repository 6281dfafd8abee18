import type { ReactNode } from 'react'

import { classes } from './classes'

/** A column of a table of T. */
export interface Column<T> {
  id: string
  title: ReactNode
  cell: (row: T) => ReactNode
  /** Numbers and dates line up at the end. */
  end?: boolean
  /** Left out where there is little room. */
  wideOnly?: boolean
}

/** Rows of one kind. On a narrow window it scrolls sideways inside its frame, by keyboard too. */
export function Table<T>({ label, columns, rows, rowKey, empty }: {
  label: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string
  empty?: ReactNode
}) {
  if (rows.length === 0) return empty
  return (
    <div className="overflow-x-auto rounded-card border border-line bg-surface" tabIndex={0} role="region" aria-label={label}>
      <table className="w-full text-sm">
        <thead>
          <tr className="border-b border-line text-muted">
            {columns.map((c) => (
              <th key={c.id} scope="col" className={classes('px-4 py-3 text-start font-medium whitespace-nowrap', c.end && 'text-end', c.wideOnly && 'max-md:hidden')}>
                {c.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} className="border-b border-line last:border-0 hover:bg-sunken">
              {columns.map((c) => (
                <td key={c.id} className={classes('user-text px-4 py-3 align-top', c.end && 'text-end tabular-nums', c.wideOnly && 'max-md:hidden')}>
                  {c.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
