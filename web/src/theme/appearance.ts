import { useSyncExternalStore } from 'react'

/** How the pages look: as the system does, or always light or dark. */
export type Appearance = 'system' | 'light' | 'dark'

const key = 'cardea-appearance'
const listeners = new Set<() => void>()

function stored(): Appearance {
  try {
    const value = localStorage.getItem(key)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system' // storage may be forbidden
  }
}

let current: Appearance = 'system'

function show(): void {
  if (current === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = current
}

/** Shows the stored choice; once, before the first render. */
export function startAppearance(): void {
  current = stored()
  show()
  window.addEventListener('storage', (e) => {
    if (e.key === key) set(stored())
  })
}

function set(a: Appearance): void {
  current = a
  show()
  listeners.forEach((l) => l())
}

/** Changes and remembers the choice. */
export function chooseAppearance(a: Appearance): void {
  try {
    if (a === 'system') localStorage.removeItem(key)
    else localStorage.setItem(key, a)
  } catch {
    // Then the choice holds for this page.
  }
  set(a)
}

/** The choice of this browser. */
export function useAppearance(): Appearance {
  return useSyncExternalStore(
    (l) => (listeners.add(l), () => listeners.delete(l)),
    () => current,
  )
}
