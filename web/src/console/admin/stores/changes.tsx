import { Minus, Pencil, Plus } from 'lucide-react'

import { classes } from '../../../components/classes'
import type { Change } from './data'
import { texts } from './texts'

const icons = { added: Plus, removed: Minus, changed: Pencil }
const colours = { added: 'text-success', removed: 'text-danger', changed: 'text-warning' }

/** What a relation, a type or a condition is called where models are compared. */
function pathOf(c: Change, schema: string, condition: string): string {
  if (c.condition) return `${condition} ${c.condition}`
  if (c.relation) return `${c.type}#${c.relation}`
  return c.type ?? schema
}

/** Which parts of a model change, each with its rule before and after, and which stored tuples would count for nothing. */
export function Changes({ changes, label }: { changes: readonly Change[]; label: string }) {
  const t = texts.use()
  if (changes.length === 0) return <p className="text-muted">{t('changes.none')}</p>
  return (
    <ul aria-label={label} className="grid gap-3">
      {changes.map((c, i) => {
        const Icon = icons[c.kind]
        return (
          <li key={i} className="min-w-0 rounded-control border border-line p-3.5">
            <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
              <Icon size={16} aria-hidden className={classes('shrink-0', colours[c.kind])} />
              <code className="user-text font-mono text-sm font-semibold" dir="ltr">
                {pathOf(c, t('changes.schema'), t('changes.condition'))}
              </code>
              <span className="text-sm text-muted">{t(`changes.${c.kind}`)}</span>
            </p>
            {(c.before || c.after) && (
              <div dir="ltr" className="mt-2 grid gap-1 font-mono text-[0.8125rem]">
                {c.before && <Side sign="−" what={t('changes.before')} text={c.before} look="bg-danger-soft" />}
                {c.after && <Side sign="+" what={t('changes.after')} text={c.after} look="bg-success-soft" />}
              </div>
            )}
            {c.orphans && c.orphans.length > 0 && (
              <p className="user-text mt-2 text-sm text-warning">
                {t('changes.orphans')}{' '}
                <span dir="ltr" className="font-mono text-[0.8125rem]">
                  {c.orphans.map((o) => o.type + (o.relation ? `#${o.relation}` : '') + (o.subject ? `@${o.subject}` : '')).join(', ')}
                </span>
              </p>
            )}
          </li>
        )
      })}
    </ul>
  )
}

function Side({ sign, what, text, look }: { sign: string; what: string; text: string; look: string }) {
  return (
    <p className={classes('user-text flex gap-2 rounded px-2 py-1 whitespace-pre-wrap', look)}>
      <span aria-hidden className="select-none">
        {sign}
      </span>
      <span className="sr-only">{what}: </span>
      <span className="min-w-0">{text}</span>
    </p>
  )
}
