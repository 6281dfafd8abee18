import { ArrowLeft } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { Link, useSearchParams } from 'react-router'

import { Button, type ButtonProps } from '../../components/button'
import { ConfirmDialog } from '../../components/dialog'
import { SearchField } from '../../components/search-field'

/** Leads back to the list from which somebody came. */
export function Back({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link to={to} className="mb-3 inline-flex min-h-8 items-center gap-1.5 rounded-control text-sm text-muted hover:text-ink">
      <ArrowLeft size={16} aria-hidden className="rtl:rotate-180" />
      {children}
    </Link>
  )
}

/** A value of the address of this page, so that it can be sent to somebody and the back button knows it. */
export function useParam(name: string): [string, (value: string) => void] {
  const [params, setParams] = useSearchParams()
  const [set] = useState(() => (value: string) => setParams((now) => {
    const next = new URLSearchParams(now)
    if (value) next.set(name, value)
    else next.delete(name)
    return next
  }, { replace: true, preventScrollReset: true }))
  return [params.get(name) ?? '', set]
}

/** The row above a list: what is looked for, in the address as q, and what else narrows it. */
export function Finder({ label, children }: { label: string; children?: ReactNode }) {
  const [q, setQ] = useParam('q')
  return (
    <div className="mb-4 flex flex-wrap items-end gap-3">
      <SearchField label={label} value={q} onChange={setQ} />
      {children}
    </div>
  )
}

/** A button that asks first, in a dialog that names the thing. */
export function Asking({ title, text, confirm, children, run, look = 'danger', button = 'secondary', size, icon, label }: {
  title: ReactNode
  text: ReactNode
  confirm: ReactNode
  children?: ReactNode
  run: () => Promise<unknown>
  look?: ButtonProps['look']
  button?: ButtonProps['look']
  size?: ButtonProps['size']
  icon?: ReactNode
  /** Read out in place of what the button shows. */
  label?: string
}) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button look={button} {...(size ? { size } : {})} icon={icon} aria-label={label} onClick={() => setOpen(true)}>
        {children}
      </Button>
      <ConfirmDialog open={open} onOpenChange={setOpen} title={<span className="user-text">{title}</span>} confirm={confirm} look={look} onConfirm={run}>
        <span className="user-text">{text}</span>
      </ConfirmDialog>
    </>
  )
}

/** Grey, small and of even width: an id, a permission, the kind of an event. */
export function Code({ children }: { children: ReactNode }) {
  return <code className="user-text rounded-md bg-sunken box-decoration-clone px-1.5 py-0.5 font-mono text-[0.8125rem]">{children}</code>
}

/** The lines of a text that are not empty, without blanks around them. */
export function linesOf(text: string): string[] {
  return text.split('\n').map((l) => l.trim()).filter(Boolean)
}

/** A list, or nothing said where it is empty: the API takes what is left out as its default. */
export function some<T>(list: T[]): T[] | undefined {
  return list.length > 0 ? list : undefined
}
