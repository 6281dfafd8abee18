import type { ComponentProps, ReactNode } from 'react'

import { classes } from './classes'
import { Spinner } from './icons'

const looks = {
  primary: 'bg-accent text-on-accent hover:brightness-110 active:brightness-95',
  secondary: 'bg-surface text-ink border border-line-strong hover:bg-sunken',
  quiet: 'text-ink hover:bg-sunken',
  danger: 'bg-danger text-on-danger hover:brightness-110 active:brightness-95',
}
const sizes = { small: 'min-h-8 px-3 text-sm gap-1.5', normal: 'min-h-11 px-4 gap-2' }

/** How a button looks, also for a link that looks like one. */
export function buttonClasses(look: keyof typeof looks = 'primary', size: keyof typeof sizes = 'normal', wide = false): string {
  return classes(
    'inline-flex items-center justify-center rounded-control py-1.5 font-semibold text-center transition-[filter,background-color] duration-150 select-none',
    'disabled:opacity-55 disabled:cursor-default aria-disabled:opacity-70 aria-disabled:cursor-progress',
    looks[look], sizes[size], wide && 'w-full',
  )
}

export interface ButtonProps extends ComponentProps<'button'> {
  look?: keyof typeof looks
  size?: keyof typeof sizes
  wide?: boolean
  /** Something that this button has started is under way: it keeps the focus and does nothing. */
  busy?: boolean
  icon?: ReactNode
}

/** A button. It submits nothing unless it says type="submit". */
export function Button({ look, size, wide, busy, icon, className, children, type = 'button', onClick, ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      className={classes(buttonClasses(look, size, wide), className)}
      aria-disabled={busy || undefined}
      onClick={(e) => (busy ? e.preventDefault() : onClick?.(e))}
    >
      {busy ? <Spinner /> : icon}
      {children}
    </button>
  )
}

/** A link that leads to another document and looks like a button. */
export function ButtonLink({ look, size, wide, icon, className, children, ...rest }: Omit<ButtonProps, keyof ComponentProps<'button'>> & ComponentProps<'a'>) {
  return (
    <a {...rest} className={classes(buttonClasses(look, size, wide), className)}>
      {icon}
      {children}
    </a>
  )
}

/** A square button that shows an icon only; its label is read out and shown on hover. */
export function IconButton({ label, className, children, ...rest }: Omit<ComponentProps<'button'>, 'aria-label'> & { label: string }) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      title={label}
      className={classes('inline-grid size-10 shrink-0 place-items-center rounded-control text-muted hover:bg-sunken hover:text-ink', className)}
    >
      {children}
    </button>
  )
}
