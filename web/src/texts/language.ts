import { useSyncExternalStore } from 'react'

/** The languages that there are catalogues for. English is in every page; the others are fetched when chosen. */
export const languages = { en: 'English', de: 'Deutsch' } as const
export type Language = keyof typeof languages

const key = 'cardea-language'
const listeners = new Set<() => void>()
const loaders = new Set<(l: Language) => Promise<void>>()
let current: Language = 'en'
let late: Promise<unknown> = Promise.resolve() // what registered after the start

function known(tag: string | null): Language | undefined {
  const short = tag?.toLowerCase().split('-')[0] ?? ''
  return short in languages ? (short as Language) : undefined
}

function preferred(): Language {
  let stored: string | null = null
  try {
    stored = localStorage.getItem(key)
  } catch {
    // Storage may be forbidden.
  }
  return known(stored) ?? navigator.languages.map(known).find((l) => l !== undefined) ?? 'en'
}

async function show(l: Language): Promise<void> {
  await Promise.all([...loaders].map((load) => load(l)))
  current = l
  document.documentElement.lang = l
  listeners.forEach((f) => f())
}

/** Registers what must be loaded before a language can be shown, and loads it for the language that is shown. */
export function whenLanguageChanges(load: (l: Language) => Promise<void>): void {
  loaders.add(load)
  if (current !== 'en') late = Promise.all([late, load(current).catch(() => undefined)])
}

/** Waits for the texts of modules that came after the start; a page that was fetched late waits before it shows. */
export async function textsLoaded(): Promise<void> {
  await late
}

/** Shows the language that this browser prefers; once, before the first render. Falls back to English. */
export async function startLanguage(): Promise<void> {
  await show(preferred()).catch(() => show('en'))
}

/** Changes and remembers the language. */
export async function chooseLanguage(l: Language): Promise<void> {
  await show(l)
  try {
    localStorage.setItem(key, l)
  } catch {
    // Then the choice holds for this page.
  }
}

/** The language of this page, outside components. */
export function language(): Language {
  return current
}

/** The language of this page. */
export function useLanguage(): Language {
  return useSyncExternalStore(
    (l) => (listeners.add(l), () => listeners.delete(l)),
    () => current,
  )
}

/** The language as this browser's region writes it, for dates and numbers: en-GB on a British machine. */
export function useLocale(): string {
  const l = useLanguage()
  return navigator.languages.find((tag) => known(tag) === l) ?? l
}
