import { lazy, Suspense } from 'react'

const viewport = () => import('./toast-viewport')
const Viewport = lazy(() => viewport().then((m) => ({ default: m.Viewport })))

/** The place of short confirmations; once in a page. */
export function Toasts() {
  return (
    <Suspense>
      <Viewport />
    </Suspense>
  )
}

/** Says that something was done. What went wrong belongs beside its cause, in an Alert. */
export function toast(text: string): void {
  void viewport().then((m) => m.add(text))
}
