import { useState } from 'react'

const key = (name: string) => `cardea:draft:${name}`

/** A text that is being written and stored nowhere yet; it outlives the page, a reload and a session that ends, until the tab is closed. */
export function keptDraft(name: string): string | undefined {
  return sessionStorage.getItem(key(name)) ?? undefined
}

/** Keeps it, or with undefined forgets it. A browser that has no room goes on without. */
export function keepDraft(name: string, text: string | undefined): void {
  try {
    if (text === undefined) sessionStorage.removeItem(key(name))
    else sessionStorage.setItem(key(name), text)
  } catch {
    // the text is on the page still
  }
}

/** A draft as the state of a component; undefined while nothing was written. */
export function useDraft(name: string): [string | undefined, (text: string | undefined) => void] {
  const [draft, set] = useState(() => keptDraft(name))
  return [
    draft,
    (text) => {
      keepDraft(name, text)
      set(text)
    },
  ]
}
