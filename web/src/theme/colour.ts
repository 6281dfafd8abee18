/**
 * Colours that a tenant chooses, made readable: whatever it chooses, text in the accent colour and text on it
 * keep the contrast of WCAG 2.2, success criterion 1.4.3 (4.5 : 1), in light and in dark.
 */

/** A colour as red, green and blue, each 0 to 255. */
export type RGB = readonly [number, number, number]

/** The least contrast between a text and what is behind it. */
export const minimum = 4.5

/** Surfaces on which the accent colour carries text; theme.css has the same values. */
export const surfaces = { light: ['#ffffff', '#f7f6f2'], dark: ['#101615', '#171f1d'] } as const

/** Reads #rrggbb; undefined for everything else. */
export function parseColour(text: string): RGB | undefined {
  const digits = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text)
  if (!digits) return undefined
  return [parseInt(digits[1]!, 16), parseInt(digits[2]!, 16), parseInt(digits[3]!, 16)]
}

/** Writes #rrggbb. */
export function formatColour(c: RGB): string {
  return '#' + c.map((x) => Math.round(x).toString(16).padStart(2, '0')).join('')
}

/** Relative luminance (WCAG 2.2), 0 to 1. */
function luminance(c: RGB): number {
  const [r, g, b] = c.map((x) => {
    const s = x / 255
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** Contrast ratio (WCAG 2.2), 1 to 21. */
export function contrast(a: RGB, b: RGB): number {
  const [x, y] = [luminance(a), luminance(b)]
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
}

function mix(c: RGB, towards: number, part: number): RGB {
  return c.map((x) => Math.round(x + (towards - x) * part)) as unknown as RGB
}

/** The accent colour nearest to the chosen one that is readable, and the text to put on it. */
export interface Accent {
  light: string
  dark: string
  onLight: string
  onDark: string
}

/** What stands behind the accent colour where it marks the current page: a tenth of it on a surface; theme.css does the same. */
export function soft(accent: RGB, surface: RGB): RGB {
  return surface.map((x, i) => Math.round(x + (accent[i]! - x) * 0.1)) as unknown as RGB
}

function readable(chosen: RGB, behind: readonly string[], towards: number): RGB {
  for (let part = 0; part <= 1; part += 0.02) {
    const c = mix(chosen, towards, part)
    const all = behind.map((s) => parseColour(s)!)
    if ([...all, ...all.map((s) => soft(c, s))].every((s) => contrast(c, s) >= minimum)) return c
  }
  return [towards, towards, towards]
}

function textOn(c: RGB): string {
  const [white, black]: [RGB, RGB] = [[255, 255, 255], [6, 16, 14]]
  return formatColour(contrast(white, c) >= minimum ? white : black)
}

/** Makes a chosen colour readable; undefined if it is no colour. */
export function accentOf(chosen: string): Accent | undefined {
  const c = parseColour(chosen)
  if (!c) return undefined
  const [light, dark] = [readable(c, surfaces.light, 0), readable(c, surfaces.dark, 255)]
  return { light: formatColour(light), dark: formatColour(dark), onLight: textOn(light), onDark: textOn(dark) }
}

/** Gives the page the tenant's colour, or that of the product where it has none. */
export function applyAccent(root: HTMLElement, chosen: string | undefined): void {
  const accent = chosen ? accentOf(chosen) : undefined
  const values = { '--accent-light': accent?.light, '--accent-dark': accent?.dark, '--on-accent-light': accent?.onLight, '--on-accent-dark': accent?.onDark }
  for (const [name, value] of Object.entries(values)) {
    if (value) root.style.setProperty(name, value)
    else root.style.removeProperty(name)
  }
}
