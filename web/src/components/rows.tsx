import type { ReactNode } from 'react'

/** Things of one kind inside a Card, one below the other. */
export function Rows({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul aria-label={label} className="-my-5 divide-y divide-line">
      {children}
    </ul>
  )
}

/** One of them: what it is, what is known about it, and what can be done with it. */
export function Row({ icon, title, badge, action, children }: { icon?: ReactNode; title: ReactNode; badge?: ReactNode; action?: ReactNode; children?: ReactNode }) {
  return (
    <li className="flex gap-4 py-4">
      {icon && (
        <span aria-hidden className="grid size-10 shrink-0 place-items-center rounded-control bg-sunken text-muted max-sm:hidden">
          {icon}
        </span>
      )}
      <div className="flex min-w-0 flex-1 flex-wrap items-center justify-between gap-x-4 gap-y-3">
        <div className="min-w-0 flex-[1_1_14rem]">
          <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
            <span className="user-text font-semibold">{title}</span>
            {badge}
          </p>
          {children && <div className="user-text mt-0.5 text-sm text-muted">{children}</div>}
        </div>
        {action && <div className="flex flex-wrap gap-2">{action}</div>}
      </div>
    </li>
  )
}
