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

/**
 * Rows of one kind. Where there is little room each row stands by itself, with the titles before its values; the roles
 * say that it is a table still. What is too wide scrolls sideways inside the frame, by keyboard too.
 */
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
      <table role="table" className="w-full text-sm max-sm:block">
        <thead className="max-sm:sr-only">
          <tr role="row" className="border-b border-line text-muted">
            {columns.map((c) => (
              <th key={c.id} role="columnheader" scope="col" className={classes('px-4 py-3 font-medium whitespace-nowrap', c.end ? 'text-end' : 'text-start', c.wideOnly && 'max-md:hidden')}>
                {c.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" className="max-sm:block">
          {rows.map((row) => (
            <tr key={rowKey(row)} role="row" className="border-b border-line last:border-0 hover:bg-sunken max-sm:grid max-sm:gap-1.5 max-sm:p-4">
              {columns.map((c, i) => (
                <td
                  key={c.id}
                  role="cell"
                  className={classes('user-text align-top max-sm:flex max-sm:min-w-0 max-sm:gap-3 sm:px-4 sm:py-3', c.end && 'tabular-nums sm:text-end', c.wideOnly && 'max-md:hidden', i === 0 && 'max-sm:text-base')}
                >
                  {i > 0 && typeof c.title === 'string' && (
                    <span aria-hidden className="min-w-20 shrink-0 text-muted sm:hidden">
                      {c.title}
                    </span>
                  )}
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
