import { Search } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'

import { inputClasses } from './field'

/** Finds while somebody types, a moment after the last key. The key `/` leads here from anywhere on the page, Esc empties it. */
export function SearchField({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const field = useRef<HTMLInputElement>(null)
  const [text, setText] = useState(value)
  const told = useRef(value)
  useEffect(() => {
    if (value !== told.current) setText((told.current = value)) // changed elsewhere: the back button
  }, [value])
  useEffect(() => {
    if (text === told.current) return
    const timer = setTimeout(() => onChange((told.current = text)), 250)
    return () => clearTimeout(timer)
  }, [text, onChange])
  useEffect(() => {
    const find = (e: KeyboardEvent) => {
      const typing = e.target instanceof HTMLElement && e.target.closest('input, textarea, select, [contenteditable], [role=dialog], [role=alertdialog]')
      if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || typing) return
      e.preventDefault()
      field.current?.focus()
      field.current?.select()
    }
    document.addEventListener('keydown', find)
    return () => document.removeEventListener('keydown', find)
  }, [])
  return (
    <label className="relative block min-w-0 flex-1 basis-56">
      <span className="sr-only">{label}</span>
      <Search size={17} aria-hidden className="pointer-events-none absolute start-3 top-3.5 text-muted" />
      <input
        ref={field}
        type="search"
        dir="auto"
        value={text}
        placeholder={label}
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => {
          if (e.key !== 'Escape') return
          if (text) setText('')
          else e.currentTarget.blur()
        }}
        className={inputClasses + ' ps-10 pe-10 [&::-webkit-search-cancel-button]:hidden'}
      />
      <kbd aria-hidden className="pointer-events-none absolute end-3 top-2.5 rounded border border-line bg-sunken px-1.5 font-sans text-sm text-muted max-sm:hidden">
        /
      </kbd>
    </label>
  )
}
