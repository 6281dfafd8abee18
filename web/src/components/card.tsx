import type { ReactNode } from 'react'

import { classes } from './classes'
import { useTitle } from './use-title'

/** A surface that holds what belongs together, with a heading and what can be done with it. */
export function Card({ title, description, actions, footer, children, tone = 'normal' }: {
  title?: ReactNode
  description?: ReactNode
  actions?: ReactNode
  footer?: ReactNode
  children?: ReactNode
  tone?: 'normal' | 'danger'
}) {
  return (
    <section className={classes('min-w-0 rounded-card border bg-surface shadow-[0_1px_2px_var(--shadow)]', tone === 'danger' ? 'border-danger' : 'border-line')}>
      {(title || actions) && (
        <div className={classes('flex flex-wrap items-start justify-between gap-3 px-5 pt-5 sm:px-6', !children && 'pb-5')}>
          <div className="min-w-0">
            {title && <h2 className="text-title">{title}</h2>}
            {description && <p className="user-text mt-1 text-sm text-muted">{description}</p>}
          </div>
          {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
        </div>
      )}
      {children && <div className="px-5 py-5 sm:px-6">{children}</div>}
      {footer && <div className="flex flex-wrap justify-end gap-3 rounded-b-card border-t border-line bg-sunken px-5 py-3.5 sm:px-6">{footer}</div>}
    </section>
  )
}

/** The heading of a page: what it is about, and what can be done here. Sets the title of the window too. */
export function PageHeader({ title, description, actions }: { title: string; description?: ReactNode; actions?: ReactNode }) {
  useTitle(title)
  return (
    <header className="mb-6 flex flex-wrap items-start justify-between gap-4">
      <div className="min-w-0 flex-[1_1_20rem]">
        <h1 className="user-text text-display">{title}</h1>
        {description && <p className="user-text mt-1.5 max-w-2xl text-muted">{description}</p>}
      </div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </header>
  )
}

/** Names and values, for what somebody looks at and does not change here. */
export function Facts({ items }: { items: readonly (readonly [ReactNode, ReactNode])[] }) {
  return (
    <dl className="grid gap-x-8 gap-y-4 sm:grid-cols-[max-content_minmax(0,1fr)]">
      {items.map(([name, value], i) => (
        <div key={i} className="contents max-sm:block">
          <dt className="text-sm text-muted sm:pt-0.5">{name}</dt>
          <dd className="user-text min-w-0">{value}</dd>
        </div>
      ))}
    </dl>
  )
}
