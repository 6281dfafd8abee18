import { Fragment, createElement, type ReactNode } from 'react'

import { language, useLanguage, whenLanguageChanges, type Language } from './language'

/** Texts by key. A text has places such as {name}; `key_one` and `key_other` are forms for a {count} (Intl.PluralRules). */
export type Texts = Readonly<Record<string, string>>

type Values = Readonly<Record<string, string | number>>

// A key with forms is asked for without its ending.
type Asked<K> = K extends `${infer Stem}_one` ? Stem : K extends `${string}_other` ? never : K

/** Finds a text and puts values into its places. */
export type Translate<K> = (key: K, values?: Values) => string

/** A set of texts in every language. */
export interface Catalogue<T extends Texts> {
  /** The text in the language of this page; outside components. */
  text: Translate<Asked<keyof T & string>>
  /** The same as a hook, so that a component follows a change of language. */
  use: () => Translate<Asked<keyof T & string>>
  /** Whether there is such a key, for texts that belong to a code of the server. */
  has: (key: string) => key is Asked<keyof T & string>
}

/** Finds the form of a text for a count. */
export function form(texts: Texts, key: string, lang: string, values?: Values): string {
  const count = values?.['count']
  if (typeof count === 'number') {
    const chosen = texts[`${key}_${new Intl.PluralRules(lang).select(count)}`] ?? texts[`${key}_other`]
    if (chosen !== undefined) return chosen
  }
  return texts[key] ?? key
}

/** Puts values into the places of a text. Numbers are written as the language writes them. */
export function fill(text: string, lang: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => {
    const v = values[name]
    return v === undefined ? place : typeof v === 'number' ? v.toLocaleString(lang) : v
  })
}

/** Makes a catalogue from the English texts and what loads the other languages, which must have the same keys. */
export function catalogue<T extends Texts>(en: T, others: Record<Exclude<Language, 'en'>, () => Promise<{ default: Record<keyof T, string> }>>): Catalogue<T> {
  const loaded: Partial<Record<Language, Texts>> = { en }
  whenLanguageChanges(async (l) => {
    if (l !== 'en') loaded[l] ??= (await others[l]()).default
  })
  const text = (key: string, values?: Values) => {
    const l = language()
    return fill(form(loaded[l] ?? en, key, l, values), l, values)
  }
  return {
    text,
    use: () => {
      useLanguage()
      return text
    },
    has: (key): key is Asked<keyof T & string> => key in en || `${key}_other` in en,
  }
}

/** Puts elements into the places of a text that was found without values: rich(t('allow'), { app: <b>…</b> }). */
export function rich(text: string, parts: Readonly<Record<string, ReactNode>>): ReactNode {
  return text.split(/(\{\w+\})/).map((piece, i) => {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1]
    return createElement(Fragment, { key: i }, name !== undefined && name in parts ? parts[name] : piece)
  })
}
