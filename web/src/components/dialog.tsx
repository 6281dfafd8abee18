import { AlertDialog as BaseAlertDialog } from '@base-ui/react/alert-dialog'
import { Dialog as BaseDialog } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import { useState, type ReactNode } from 'react'

import { common } from '../texts/common'
import { Button, IconButton, type ButtonProps } from './button'
import { ProblemAlert } from './problem-alert'

const backdrop = 'fixed inset-0 bg-[rgb(10_20_18/50%)] transition-opacity duration-150 data-ending-style:opacity-0 data-starting-style:opacity-0'
const popup =
  'fixed inset-x-3 bottom-3 sm:inset-x-auto sm:bottom-auto sm:top-1/2 sm:left-1/2 sm:w-[30rem] sm:-translate-x-1/2 sm:-translate-y-1/2 max-h-[calc(100dvh-1.5rem)] overflow-y-auto ' +
  'rounded-card border border-line bg-surface p-6 shadow-popup transition-[opacity,scale] duration-150 data-ending-style:opacity-0 data-ending-style:scale-98 data-starting-style:opacity-0 data-starting-style:scale-98'

/** A window above the page, for a form that belongs to it. Esc and the button close it, unless it must be answered. */
export function Dialog({ open, onOpenChange, title, description, children, footer, closable = true }: {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: ReactNode
  description?: ReactNode
  children?: ReactNode
  footer?: ReactNode
  closable?: boolean
}) {
  const t = common.use()
  return (
    <BaseDialog.Root open={open} onOpenChange={(next) => closable && onOpenChange(next)}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className={backdrop} />
        <BaseDialog.Popup className={popup}>
          <div className="flex items-start justify-between gap-4">
            <BaseDialog.Title className="text-title">{title}</BaseDialog.Title>
            {closable && (
              <BaseDialog.Close render={<IconButton label={t('close')} className="-mt-2 -me-2" />}>
                <X size={18} aria-hidden />
              </BaseDialog.Close>
            )}
          </div>
          {description && <BaseDialog.Description className="user-text mt-1 text-sm text-muted">{description}</BaseDialog.Description>}
          <div className="mt-4">{children}</div>
          {footer && <div className="mt-6 flex flex-wrap justify-end gap-3">{footer}</div>}
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  )
}

/** Asks before something that cannot be taken back. It stays open while `onConfirm` runs, and says why if it fails. */
export function ConfirmDialog({ open, onOpenChange, title, children, confirm, look = 'danger', onConfirm }: {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: ReactNode
  children?: ReactNode
  confirm: ReactNode
  look?: ButtonProps['look']
  onConfirm: () => Promise<unknown> | void
}) {
  const t = common.use()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const run = async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      await onConfirm()
      onOpenChange(false)
    } catch (cause) {
      setProblem(cause)
    } finally {
      setBusy(false)
    }
  }
  return (
    <BaseAlertDialog.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <BaseAlertDialog.Portal>
        <BaseAlertDialog.Backdrop className={backdrop} />
        <BaseAlertDialog.Popup className={popup}>
          <BaseAlertDialog.Title className="text-title">{title}</BaseAlertDialog.Title>
          <BaseAlertDialog.Description render={<div />} className="mt-2 text-muted">
            {children}
          </BaseAlertDialog.Description>
          <ProblemAlert problem={problem} />
          <div className="mt-6 flex flex-wrap justify-end gap-3">
            <BaseAlertDialog.Close render={<Button look="secondary" />}>{t('cancel')}</BaseAlertDialog.Close>
            <Button look={look} busy={busy} onClick={() => void run()}>
              {confirm}
            </Button>
          </div>
        </BaseAlertDialog.Popup>
      </BaseAlertDialog.Portal>
    </BaseAlertDialog.Root>
  )
}
