import { useId, type ComponentProps, type ReactNode } from 'react'

/** A box to tick. Takes what register() gives. */
export function Checkbox({ label, hint, ...rest }: { label: ReactNode; hint?: ReactNode } & Omit<ComponentProps<'input'>, 'type'>) {
  const id = useId()
  return (
    <div className="flex gap-3">
      <input {...rest} id={id} type="checkbox" aria-describedby={hint ? `${id}-hint` : undefined} className="mt-0.5 size-5 shrink-0 accent-accent" />
      <div className="min-w-0">
        <label htmlFor={id} className="user-text">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="user-text text-sm text-muted">
            {hint}
          </p>
        )}
      </div>
    </div>
  )
}
