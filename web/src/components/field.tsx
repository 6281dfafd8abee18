import { useEffect, useId, useRef, type ComponentProps, type ReactNode, type RefObject } from 'react'

import { classes } from './classes'

export const inputClasses =
  'w-full min-h-11 rounded-control border bg-surface px-3 py-2 text-ink placeholder:text-muted transition-colors ' +
  'border-line-strong hover:border-muted aria-invalid:border-danger disabled:opacity-60 [&[readonly]]:bg-sunken'

export interface FieldProps {
  label: ReactNode
  /** Says what is expected, before anything is wrong. */
  hint?: ReactNode
  /** Says what is wrong and what to do. */
  error?: ReactNode
  /** Beside the label, on the other side: a link to what helps. */
  aside?: ReactNode
  /** The label is read out and not shown. */
  labelHidden?: boolean
}

/** What a control needs to be tied to its label, hint and error. */
export interface Tied {
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': boolean | undefined
}

/** The form that was refused with this problem: the first field that is wrong gets the focus, so that nobody has to look for it. */
export function useFirstWrong(problem: unknown): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [problem])
  return form
}

/** A label, a control, and what is said about it. */
export function Field({ label, hint, error, aside, labelHidden, children }: FieldProps & { children: (tied: Tied) => ReactNode }) {
  const id = useId()
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div className="flex flex-col gap-1.5">
      <div className={classes('flex flex-wrap items-baseline justify-between gap-x-4', labelHidden && 'sr-only')}>
        <label htmlFor={id} className="text-sm font-medium">
          {label}
        </label>
        {aside && <span className="text-sm">{aside}</span>}
      </div>
      {children({ id, 'aria-describedby': described || undefined, 'aria-invalid': error ? true : undefined })}
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-muted">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="text-sm font-medium text-danger" role="alert">
          {error}
        </p>
      )}
    </div>
  )
}

/** A field for one line of text. Everything that an input takes is handed on, also what register() gives. */
export function TextField({ label, hint, error, aside, labelHidden, className, ...rest }: FieldProps & ComponentProps<'input'>) {
  return (
    <Field label={label} hint={hint} error={error} aside={aside} {...(labelHidden ? { labelHidden } : {})}>
      {(tied) => <input dir="auto" {...rest} {...tied} className={classes(inputClasses, className)} />}
    </Field>
  )
}

/** A field for several lines of text. */
export function TextArea({ label, hint, error, aside, labelHidden, className, ...rest }: FieldProps & ComponentProps<'textarea'>) {
  return (
    <Field label={label} hint={hint} error={error} aside={aside} {...(labelHidden ? { labelHidden } : {})}>
      {(tied) => <textarea dir="auto" rows={4} {...rest} {...tied} className={classes(inputClasses, className)} />}
    </Field>
  )
}

/** A choice of one in the browser's own list, which works everywhere and with every keyboard. */
export function SelectField({ label, hint, error, aside, labelHidden, className, children, ...rest }: FieldProps & ComponentProps<'select'>) {
  return (
    <Field label={label} hint={hint} error={error} aside={aside} {...(labelHidden ? { labelHidden } : {})}>
      {(tied) => (
        <select {...rest} {...tied} className={classes(inputClasses, className)}>
          {children}
        </select>
      )}
    </Field>
  )
}
