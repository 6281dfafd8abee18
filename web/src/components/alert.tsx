import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'

import { classes } from './classes'

const tones = {
  danger: ['bg-danger-soft', 'text-danger', CircleAlert],
  warning: ['bg-warning-soft', 'text-warning', TriangleAlert],
  success: ['bg-success-soft', 'text-success', CircleCheck],
  info: ['bg-accent-soft', 'text-accent', Info],
} as const

/** Says something that matters now. A danger interrupts a screen reader, everything else waits its turn. */
export function Alert({ tone = 'info', title, children, actions }: { tone?: keyof typeof tones; title?: ReactNode; children?: ReactNode; actions?: ReactNode }) {
  const [soft, ink, Icon] = tones[tone]
  return (
    <div role={tone === 'danger' ? 'alert' : 'status'} className={classes('flex gap-3 rounded-control px-4 py-3 text-sm', soft)}>
      <Icon size={18} className={classes('mt-px shrink-0', ink)} aria-hidden />
      <div className="min-w-0 flex-1">
        {title && <p className="font-semibold">{title}</p>}
        {children && <div className="user-text">{children}</div>}
        {actions && <div className="mt-2 flex flex-wrap gap-2">{actions}</div>}
      </div>
    </div>
  )
}
