import type { FieldProblem } from '../api/problem'
import { catalogue } from './catalogue'
import { language } from './language'
import en from './en/rules.json'

/** What rules of form say, by the names that the server has for them; and why a password is weak. */
export const rules = catalogue(en, { de: () => import('./de/rules.json') })

const units = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]] as const

/** Seconds in the largest unit that they are a whole number of: 90 days, 5 minutes. */
function span(seconds: number): string {
  const [unit, size] = units.find(([, n]) => seconds !== 0 && seconds % n === 0) ?? (['second', 1] as const)
  return new Intl.NumberFormat(language(), { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size)
}

/** What is wrong with a member of what was sent, in the language of the page. */
export function ruleText({ rule, params = {}, detail }: FieldProblem): string {
  const most = `${rule}.most`
  const key = !params['min'] && rules.has(most) ? most : rule
  if (rule === 'invalid' || !rules.has(key)) return rules.text('invalid', { detail })
  return rules.text(key, rule === 'duration' ? Object.fromEntries(Object.entries(params).map(([name, n]) => [name, span(n)])) : params)
}

/** Why a password is weak, by the reason that the server gives; undefined without one. */
export function weakness(reason: string | undefined): string | undefined {
  const key = `weak.${reason}`
  return reason && rules.has(key) ? rules.text(key) : undefined
}
