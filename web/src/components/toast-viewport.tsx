import { Toast as BaseToast } from '@base-ui/react/toast'
import { CircleCheck, X } from 'lucide-react'
import { useEffect } from 'react'

import { common } from '../texts/common'
import { IconButton } from './button'

const manager = BaseToast.createToastManager()

// What is said before the place for it is there waits: the manager forgets what nobody listens to.
const early: string[] = []
let listening = false

/** Shows a text for some seconds. */
export function add(text: string): void {
  if (listening) manager.add({ title: text })
  else early.push(text)
}

/** The place of short confirmations, at the edge of the window. */
export function Viewport() {
  useEffect(() => {
    listening = true
    early.splice(0).forEach(add)
    return () => {
      listening = false
    }
  }, [])
  return (
    <BaseToast.Provider toastManager={manager} timeout={6000} limit={3}>
      <BaseToast.Portal>
        <BaseToast.Viewport className="fixed inset-x-3 top-19 z-30 flex flex-col gap-2 sm:inset-x-auto sm:top-auto sm:end-5 sm:bottom-5 sm:w-96">
          <List />
        </BaseToast.Viewport>
      </BaseToast.Portal>
    </BaseToast.Provider>
  )
}

function List() {
  const t = common.use()
  const { toasts } = BaseToast.useToastManager()
  return toasts.map((toast) => (
    <BaseToast.Root
      key={toast.id}
      toast={toast}
      className="rounded-card border border-line bg-surface shadow-popup transition-opacity duration-200 data-ending-style:opacity-0 data-starting-style:opacity-0"
    >
      <BaseToast.Content className="flex items-center gap-3 p-3 ps-4">
        <CircleCheck size={18} className="shrink-0 text-success" aria-hidden />
        <BaseToast.Title render={<p />} className="user-text flex-1 text-sm font-medium" />
        <BaseToast.Close render={<IconButton label={t('close')} />}>
          <X size={16} aria-hidden />
        </BaseToast.Close>
      </BaseToast.Content>
    </BaseToast.Root>
  ))
}
