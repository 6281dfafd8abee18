import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { accentOf, contrast, formatColour, minimum, parseColour, soft, surfaces } from './colour'

const css = readFileSync('src/theme/theme.css', 'utf8')

/** A token of theme.css in light or dark. */
function token(name: string, dark: boolean): string {
  const pair = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css)
  const single = new RegExp(`--${name}-${dark ? 'dark' : 'light'}: (#[0-9a-f]{6})`).exec(css)
  const found = pair ? pair[dark ? 2 : 1] : single?.[1]
  if (!found) throw new Error(`theme.css has no token ${name}`)
  return found
}

const ratio = (a: string, b: string) => contrast(parseColour(a)!, parseColour(b)!)

describe('tokens', () => {
  const text = [
    ['ink', 'canvas'], ['ink', 'surface'], ['ink', 'sunken'], ['muted', 'canvas'], ['muted', 'surface'], ['muted', 'sunken'],
    ['accent', 'canvas'], ['accent', 'surface'], ['on-accent', 'accent'], ['on-danger', 'danger'],
    ['danger', 'surface'], ['danger', 'danger-soft'], ['warning', 'warning-soft'], ['success', 'success-soft'], ['ink', 'danger-soft'],
  ] as const
  it.each(text.flatMap(([a, b]) => [[a, b, false], [a, b, true]] as const))('%s on %s is readable (dark: %s)', (a, b, dark) => {
    expect(ratio(token(a, dark), token(b, dark))).toBeGreaterThanOrEqual(minimum)
  })
  it.each([false, true])('the accent colour is readable on its own softness (dark: %s)', (dark) => {
    const accent = parseColour(token('accent', dark))!
    expect(contrast(accent, soft(accent, parseColour(token('surface', dark))!))).toBeGreaterThanOrEqual(minimum)
  })
  it.each([false, true])('the frame of a field is visible (dark: %s)', (dark) => {
    expect(ratio(token('line-strong', dark), token('surface', dark))).toBeGreaterThanOrEqual(3) // WCAG 2.2, 1.4.11
  })
  it('the guard knows the surfaces', () => {
    expect([...surfaces.light].sort()).toEqual([token('canvas', false), token('surface', false)].sort())
    expect([...surfaces.dark].sort()).toEqual([token('canvas', true), token('surface', true)].sort())
  })
})

describe('a chosen accent', () => {
  const chosen = ['#000000', '#ffffff', '#ffff00', '#0000ff', '#ff0000', '#777777', '#0e6b5f', '#fde68a', '#00ff00']
  it.each(chosen)('%s becomes readable', (c) => {
    const a = accentOf(c)!
    for (const s of surfaces.light) expect(ratio(a.light, s)).toBeGreaterThanOrEqual(minimum)
    for (const s of surfaces.dark) expect(ratio(a.dark, s)).toBeGreaterThanOrEqual(minimum)
    for (const [accent, all] of [[a.light, surfaces.light], [a.dark, surfaces.dark]] as const) {
      for (const s of all) expect(contrast(parseColour(accent)!, soft(parseColour(accent)!, parseColour(s)!))).toBeGreaterThanOrEqual(minimum)
    }
    expect(ratio(a.onLight, a.light)).toBeGreaterThanOrEqual(minimum)
    expect(ratio(a.onDark, a.dark)).toBeGreaterThanOrEqual(minimum)
  })
  it('stays as it is where it is readable', () => expect(accentOf('#0e6b5f')!.light).toBe('#0e6b5f'))
  it.each(['', 'red', '#fff', 'url(x)', '#0e6b5f;', 'javascript:1'])('%j is none', (c) => expect(accentOf(c)).toBeUndefined())
  it('survives writing', () => expect(formatColour(parseColour('#0e6b5f')!)).toBe('#0e6b5f'))
})
