import { useEffect, useId, useState, type ReactNode } from 'react'

import { classes } from './classes'

/** A choice of one of few, each as a tile. The browser's own radio buttons: arrows move, and every screen reader knows them. */
export function Choice<T extends string>({ label, value, options, onChange }: {
  label: string
  value: T
  options: readonly { value: T; label: ReactNode; icon?: ReactNode }[]
  onChange: (value: T) => void
}) {
  const name = useId()
  const [picked, pick] = useState(value) // at once, also where the choice takes effect only after something was fetched
  useEffect(() => pick(value), [value])
  return (
    <fieldset className="grid gap-3 sm:grid-cols-3">
      <legend className="sr-only">{label}</legend>
      {options.map((o) => (
        <label
          key={o.value}
          className={classes(
            'flex min-h-12 cursor-pointer items-center gap-3 rounded-control border px-4 py-2 transition-colors has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent',
            o.value === picked ? 'border-accent bg-accent-soft font-semibold' : 'border-line-strong hover:bg-sunken',
          )}
        >
          <input type="radio" name={name} value={o.value} checked={o.value === picked} onChange={() => (pick(o.value), onChange(o.value))} className="size-4 accent-accent outline-none" />
          {o.icon}
          <span className="min-w-0">{o.label}</span>
        </label>
      ))}
    </fieldset>
  )
}
