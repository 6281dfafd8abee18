import { readFileSync, readdirSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { fill, form, type Texts } from './catalogue'
import { languages } from './language'
import { pseudo } from './pseudo'
import { ruleText } from './rules'

const here = 'src/texts'
const read = (lang: string, name: string) => JSON.parse(readFileSync(`${here}/${lang}/${name}`, 'utf8')) as Texts
const names = readdirSync(`${here}/en`)
const places = (s: string) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()

describe.each(Object.keys(languages))('%s', (lang) => {
  it('has the same catalogues', () => expect(readdirSync(`${here}/${lang}`).sort()).toEqual([...names].sort()))
  it.each(names)('%s has the same keys in the same order, the same places and no empty text', (name) => {
    const [en, other] = [read('en', name), read(lang, name)]
    expect(Object.keys(other)).toEqual(Object.keys(en))
    for (const [key, text] of Object.entries(other)) {
      expect(text.trim(), key).toBe(text)
      expect(text, key).not.toBe('')
      expect(text, `${key}: HTML`).not.toMatch(/[<>]/)
      expect(places(text), key).toEqual(places(en[key]!))
    }
  })
})

describe('refusals', () => {
  // Codes of the server stand in api/errors.md; the others are made by the pages themselves.
  const own = ['unknown', 'offline', 'unreadable', 'link_incomplete', 'set_up_link_missing']
  const codes = [...readFileSync('../api/errors.md', 'utf8').matchAll(/^## (\w+)$/gm)].map((m) => m[1]!)
  it('have texts for codes that exist', () => {
    const texts = Object.keys(read('en', 'common.json')).filter((k) => k.startsWith('problem.')).map((k) => k.slice('problem.'.length))
    expect(texts.filter((c) => !codes.includes(c) && !own.includes(c))).toEqual([])
  })
})

describe('rules', () => {
  const named = (file: string, pattern: RegExp) => [...readFileSync(file, 'utf8').matchAll(pattern)].map((m) => m[1]!)
  const reasons = named('../internal/identity/password/policy.go', /^\tReason\w+ +Reason = "(\w+)"/gm)
  it('of the server all have texts', () => {
    const rules = named('../internal/kit/errs/rule.go', /^\t\w+ +Rule = "(\w+)"/gm)
    expect(rules.length).toBeGreaterThan(15)
    expect(rules.filter((r) => !(r in read('en', 'rules.json')))).toEqual([])
  })
  it('of passwords all have texts, and so has each weakness', () => {
    expect(reasons.length).toBeGreaterThan(10)
    expect(reasons.filter((r) => !(`weak.${r}` in read('en', 'rules.json')) && !r.startsWith('needs_'))).toEqual([])
    expect(reasons.slice(0, 9).filter((r) => !(`password_${r}` in read('en', 'rules.json')))).toEqual([])
  })
  it.each([
    [{ rule: 'length', params: { min: 1, max: 200 }, detail: '' }, 'Between 1 and 200 characters are possible.'],
    [{ rule: 'length', params: { min: 0, max: 1000 }, detail: '' }, 'At most 1,000 characters are possible.'],
    [{ rule: 'duration', params: { min: 300, max: 1_209_600 }, detail: '' }, 'Between 5 minutes and 14 days are possible.'],
    [{ rule: 'invalid', detail: 'must be odd' }, 'This is not accepted: must be odd.'],
    [{ rule: 'of a newer server', detail: '<b>' }, 'This is not accepted: <b>.'],
  ])('%j', (broken, text) => expect(ruleText(broken)).toBe(text))
})

describe('texts', () => {
  const texts = { devices_one: '{count} device', devices_other: '{count} devices', hello: 'Hello {name}' }
  it('have forms', () => {
    expect(fill(form(texts, 'devices', 'en', { count: 1 }), 'en', { count: 1 })).toBe('1 device')
    expect(fill(form(texts, 'devices', 'de', { count: 1200 }), 'de', { count: 1200 })).toBe('1.200 devices')
  })
  it('put hostile values in as they are', () => {
    expect(fill(texts.hello, 'en', { name: '<b>{name}</b>$&' })).toBe('Hello <b>{name}</b>$&')
  })
  it('show a missing key instead of nothing', () => expect(form(texts, 'absent', 'en')).toBe('absent'))
  it('can be written in a language that nobody speaks', () => {
    expect(pseudo('Sign in as {name}')).toMatch(/^⟦Šîĝñ îñ áš \{name\}( ~)+⟧$/)
    for (const name of names) for (const text of Object.values(read('en', name))) expect(places(pseudo(text))).toEqual(places(text))
  })
})
