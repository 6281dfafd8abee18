import { CircleAlert, TriangleAlert } from 'lucide-react'
import { memo, useImperativeHandle, useMemo, useRef, type KeyboardEvent, type ReactNode, type Ref } from 'react'

import { classes } from './classes'
import { texts } from './editor-texts'
import { Field } from './field'
import type { Highlight, Kind } from './highlight'

/** Something that is to be said about a text. Lines and columns count from 1, columns in bytes, as servers count them. */
export interface Mark {
  line?: number | undefined
  column?: number | undefined
  text: string
  tone?: 'danger' | 'warning'
}

/** What can be done with an editor from outside. */
export interface Editor {
  /** Puts the cursor there and shows it. */
  reveal: (line: number, column?: number) => void
}

const colours: Record<Kind, string> = { comment: 'text-muted', string: 'text-success', keyword: 'text-accent', number: 'text-accent', name: 'text-warning' }
const lineHeight = 20 // pixels, leading-5
const body = 'font-mono text-[0.8125rem] leading-5 [tab-size:4] whitespace-pre'
const heights = { small: 'min-h-32 max-h-80', normal: 'min-h-72 max-h-128', tall: 'min-h-112 max-h-[44rem]' }

/**
 * An editor for a text of a program: line numbers, colours, and marks that lead to their place. It is the browser's
 * own field, so that keyboards, screen readers, undo and search work as everywhere; Tab leads on to the next control.
 * The coloured text lies below the field, which shows its cursor only.
 */
export function CodeEditor({ label, labelHidden, hint, value, onChange, highlight, marks = [], size = 'normal', readOnly, ref }: {
  label: string
  labelHidden?: boolean
  hint?: ReactNode
  value: string
  onChange?: (value: string) => void
  highlight?: Highlight
  marks?: readonly Mark[]
  size?: keyof typeof heights
  readOnly?: boolean
  ref?: Ref<Editor>
}) {
  const t = texts.use()
  const frame = useRef<HTMLDivElement>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const turned = useMemo(() => turnedLines(value), [value])
  const all: Mark[] = [...marks, ...turned.map((line): Mark => ({ line, text: t('turned'), tone: 'warning' }))]
  const wrong = marks.some((m) => m.tone !== 'warning')
  const reveal = (line: number, column = 1) => {
    const at = offsetOf(value, line, column)
    field.current?.focus({ preventScroll: true })
    field.current?.setSelectionRange(at, at)
    frame.current?.scrollTo({ top: (line - 4) * lineHeight, left: 0 })
    frame.current?.scrollIntoView({ block: 'nearest' })
  }
  useImperativeHandle(ref, () => ({ reveal }))
  return (
    <Field label={label} hint={hint} {...(labelHidden ? { labelHidden } : {})}>
      {(tied) => (
        <div className="grid grid-cols-1 gap-2">
          <div
            ref={frame}
            dir="ltr"
            className={classes(
              'overflow-auto rounded-control border bg-surface has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent',
              heights[size], wrong ? 'border-danger' : 'border-line-strong', readOnly && 'bg-sunken',
            )}
          >
            <div className="flex min-h-[inherit] w-max min-w-full">
              <Numbers value={value} marks={all} />
              <div className="relative flex-1">
                <Coloured value={value} marks={all} {...(highlight ? { highlight } : {})} />
                <textarea
                  {...tied}
                  ref={field}
                  value={value}
                  readOnly={readOnly}
                  wrap="off"
                  spellCheck={false}
                  autoComplete="off"
                  autoCapitalize="off"
                  aria-invalid={wrong || undefined}
                  aria-describedby={[tied['aria-describedby'], all.length > 0 && `${tied.id}-marks`].filter(Boolean).join(' ') || undefined}
                  onChange={(e) => onChange?.(e.target.value)}
                  onKeyDown={keepIndent}
                  className={classes(
                    body,
                    'absolute inset-0 block size-full resize-none overflow-hidden bg-transparent py-2 ps-3 pe-8 text-ink caret-ink outline-none [-webkit-text-fill-color:transparent] forced-colors:[-webkit-text-fill-color:currentcolor]',
                  )}
                />
              </div>
            </div>
          </div>
          {all.length > 0 && (
            <ul id={`${tied.id}-marks`} aria-label={t('findings', { label })} className="grid gap-1 text-sm">
              {all.map((m, i) => (
                <li key={i} className="flex gap-2">
                  {m.tone === 'warning' ? <TriangleAlert size={16} aria-hidden className="mt-0.5 shrink-0 text-warning" /> : <CircleAlert size={16} aria-hidden className="mt-0.5 shrink-0 text-danger" />}
                  <span className="user-text min-w-0">
                    {m.line !== undefined && (
                      <button type="button" className="me-1.5 rounded font-medium text-accent underline-offset-3 hover:underline" onClick={() => reveal(m.line!, m.column)}>
                        {m.column ? t('line_column', { line: m.line, column: m.column }) : t('line', { line: m.line })}
                      </button>
                    )}
                    {m.text}
                  </span>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </Field>
  )
}

/** The tone of each line that has a mark; a danger counts more. */
function tones(marks: readonly Mark[]): Map<number, 'danger' | 'warning'> {
  const out = new Map<number, 'danger' | 'warning'>()
  for (const m of marks) if (m.line && out.get(m.line) !== 'danger') out.set(m.line, m.tone ?? 'danger')
  return out
}

function Numbers({ value, marks }: { value: string; marks: readonly Mark[] }) {
  const marked = tones(marks)
  const count = value.split('\n').length
  return (
    <div aria-hidden className="sticky start-0 z-1 shrink-0 border-e border-line bg-sunken py-2 text-end font-mono text-[0.8125rem] leading-5 text-muted select-none">
      {Array.from({ length: count }, (_, i) => {
        const tone = marked.get(i + 1)
        return (
          <span key={i} className={classes('block min-w-10 px-2', tone === 'danger' && 'bg-danger-soft font-semibold text-danger', tone === 'warning' && 'bg-warning-soft font-semibold text-warning')}>
            {i + 1}
          </span>
        )
      })}
    </div>
  )
}

function Coloured({ value, marks, highlight }: { value: string; marks: readonly Mark[]; highlight?: Highlight }) {
  const marked = tones(marks)
  const coloured = value.length > 100_000 ? undefined : highlight // letters must not wait for colours
  return (
    <pre aria-hidden className={classes(body, 'pointer-events-none py-2 ps-3 pe-8 text-ink forced-colors:invisible')}>
      {value.split('\n').map((line, i) => (
        <Line key={i} text={line} tone={marked.get(i + 1)} highlight={coloured} />
      ))}
    </pre>
  )
}

const Line = memo(function Line({ text, tone, highlight }: { text: string; tone: 'danger' | 'warning' | undefined; highlight: Highlight | undefined }) {
  return (
    <span className={classes('block min-h-5', tone === 'danger' && 'underline decoration-danger decoration-wavy underline-offset-3', tone === 'warning' && 'underline decoration-warning decoration-wavy underline-offset-3')}>
      {highlight ? highlight(text).map((p, i) => (p.kind ? <span key={i} className={colours[p.kind]}>{p.text}</span> : p.text)) : text}
    </span>
  )
})

/** A new line begins where the line above does. The browser inserts it, so that it can be undone. */
function keepIndent(e: KeyboardEvent<HTMLTextAreaElement>): void {
  if (e.key !== 'Enter' || e.shiftKey || e.ctrlKey || e.metaKey || e.altKey || e.nativeEvent.isComposing || e.currentTarget.readOnly) return
  const before = e.currentTarget.value.slice(0, e.currentTarget.selectionStart)
  const indent = /^[ \t]*/.exec(before.slice(before.lastIndexOf('\n') + 1))![0]
  if (!indent) return
  e.preventDefault()
  document.execCommand('insertText', false, '\n' + indent)
}

/** The lines that hold a character which turns the direction of reading (Unicode UAX 9). */
export function turnedLines(text: string): number[] {
  return text.split('\n').flatMap((line, i) => (/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(line) ? [i + 1] : []))
}

/** Where a line and a column in bytes are in a text, counted as browsers count. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split('\n')
  const wanted = lines[line - 1]
  if (wanted === undefined) return text.length
  const start = lines.slice(0, line - 1).reduce((n, l) => n + l.length + 1, 0)
  const bytes = new TextEncoder().encode(wanted).slice(0, Math.max(0, column - 1))
  return start + Math.min(wanted.length, new TextDecoder().decode(bytes).length)
}
