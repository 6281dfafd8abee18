import { Combobox as BaseCombobox } from '@base-ui/react/combobox'
import { useEffect, useState, type ReactNode } from 'react'

import { Field, inputClasses, type FieldProps } from './field'

/** Something that can be chosen: its value, and how it is written. */
export interface Choice {
  value: string
  label: string
  /** Tells apart what has the same label. */
  note?: string | undefined
}

/** A field in which one of many is found by typing. `find` asks the server for what begins like the text. */
export function Combobox({ label, hint, error, labelHidden, placeholder, value, onChange, find, empty }: FieldProps & {
  placeholder?: string
  value: Choice | null
  onChange: (choice: Choice | null) => void
  find: (text: string) => Promise<Choice[]>
  /** Said where nothing was found. */
  empty: ReactNode
}) {
  const [text, setText] = useState('')
  const [found, setFound] = useState<Choice[]>([])
  useEffect(() => {
    let current = true
    const timer = setTimeout(() => {
      find(text).then((choices) => current && setFound(choices), () => current && setFound([]))
    }, 150)
    return () => {
      current = false
      clearTimeout(timer)
    }
  }, [text, find])
  return (
    <BaseCombobox.Root
      items={found}
      filter={null}
      value={value}
      onValueChange={(next: Choice | null) => onChange(next)}
      onInputValueChange={(next) => setText(next === value?.label ? '' : next)}
      itemToStringLabel={(c: Choice) => c.label}
      isItemEqualToValue={(a: Choice, b: Choice) => a.value === b.value}
    >
      <Field label={label} hint={hint} error={error} {...(labelHidden ? { labelHidden } : {})}>
        {(tied) => <BaseCombobox.Input {...tied} dir="auto" placeholder={placeholder} className={inputClasses} />}
      </Field>
      <BaseCombobox.Portal>
        <BaseCombobox.Positioner sideOffset={6} className="z-40 outline-none">
          <BaseCombobox.Popup className="max-h-72 w-[var(--anchor-width)] max-w-[calc(100vw-1.5rem)] overflow-y-auto rounded-card border border-line bg-surface p-1.5 shadow-popup outline-none">
            <BaseCombobox.Empty className="px-3 py-2 text-sm text-muted empty:hidden">{empty}</BaseCombobox.Empty>
            <BaseCombobox.List>
              {(c: Choice) => (
                <BaseCombobox.Item key={c.value} value={c} className="user-text rounded-lg px-3 py-2 text-sm outline-none select-none data-highlighted:bg-sunken data-selected:font-semibold">
                  {c.label}
                  {c.note && <span className="ms-2 text-muted">{c.note}</span>}
                </BaseCombobox.Item>
              )}
            </BaseCombobox.List>
          </BaseCombobox.Popup>
        </BaseCombobox.Positioner>
      </BaseCombobox.Portal>
    </BaseCombobox.Root>
  )
}
