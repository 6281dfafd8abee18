import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { answer, api } from '../../../api/client'
import { CodeEditor } from '../../../components/code-editor'
import { SelectField } from '../../../components/field'
import { json } from '../../../components/highlight'
import type { Store, Terms } from './data'
import { keptDraft } from './draft'
import { jsonObject, tuplesOf, type Wrong } from './lines'
import { useCanHere } from './powers'
import { texts } from './texts'

/** What a question brings, as it is typed. */
export interface Typed {
  context: string
  contextual: string
  write: string
  remove: string
  /** Empty for the version that is used, 'draft' for the draft of the editor, else a version. */
  model: string
}

export const nothing: Typed = { context: '', contextual: '', write: '', remove: '', model: '' }

/** Whether something is supposed to be otherwise than it is stored. */
export function supposes(x: Typed): boolean {
  return !!(x.write.trim() || x.remove.trim() || x.model)
}

/** The terms that were typed; undefined while they cannot be read. Without `what-if` they say how things are. */
export function termsOf(storeID: string, x: Typed, whatIf: boolean): Terms | undefined {
  const [contextual, write, remove] = [tuplesOf(x.contextual), tuplesOf(x.write), tuplesOf(x.remove)]
  const context = x.context.trim() ? jsonObject(x.context) : {}
  if (!context || [contextual, write, remove].some((l) => l.wrong.length > 0)) return undefined
  const draft = x.model === 'draft' ? keptDraft(`${storeID}:model`) : undefined
  return {
    ...(x.context.trim() ? { context } : {}),
    ...(contextual.tuples.length > 0 ? { contextual: contextual.tuples } : {}),
    ...(whatIf && (write.tuples.length > 0 || remove.tuples.length > 0)
      ? { suppose: { ...(write.tuples.length > 0 ? { write: write.tuples } : {}), ...(remove.tuples.length > 0 ? { delete: remove.tuples } : {}) } }
      : {}),
    ...(whatIf && draft !== undefined ? { draft } : {}),
    ...(whatIf && x.model && x.model !== 'draft' ? { model: x.model } : {}),
  }
}

/** The fields of what a question knows and of what is supposed, folded away until somebody wants them. */
export function TermsFields({ s, value, onChange, open }: { s: Store; value: Typed; onChange: (x: Typed) => void; open: boolean }) {
  const [t, can] = [texts.use(), useCanHere()]
  const set = (part: Partial<Typed>) => onChange({ ...value, ...part })
  const { data: versions } = useQuery({
    queryKey: ['admin', 'stores', 'models', s.id, 'choice'],
    queryFn: () => answer(api.GET('/api/stores/{store}/models', { params: { path: { store: s.id }, query: { limit: 50 } } })),
    enabled: can('cardea:authz.model.read'),
  })
  const hasDraft = keptDraft(`${s.id}:model`) !== undefined && can('cardea:authz.tuple.read')
  return (
    <div className="grid grid-cols-1 gap-3">
      <Fold title={t('terms.known')} open={open && !!(value.context || value.contextual)}>
        <CodeEditor label={t('terms.context')} hint={t('terms.context.hint')} size="small" value={value.context} onChange={(context) => set({ context })} highlight={json} marks={value.context.trim() && !jsonObject(value.context) ? [{ text: t('tuple.context.wrong') }] : []} />
        <Lines label={t('terms.contextual')} hint={t('terms.contextual.hint')} value={value.contextual} onChange={(contextual) => set({ contextual })} />
      </Fold>
      <Fold title={t('terms.suppose')} open={open && supposes(value)}>
        <Lines label={t('terms.write')} hint={t('terms.write.hint')} value={value.write} onChange={(write) => set({ write })} />
        <Lines label={t('terms.remove')} value={value.remove} onChange={(remove) => set({ remove })} />
        <SelectField label={t('terms.model')} value={value.model} onChange={(e) => set({ model: e.target.value })}>
          <option value="">{t('terms.model.used')}</option>
          {hasDraft && <option value="draft">{t('terms.model.draft')}</option>}
          {versions?.items.filter((v) => v.id !== s.model).map((v) => (
            <option key={v.id} value={v.id}>
              {v.id}
            </option>
          ))}
        </SelectField>
      </Fold>
    </div>
  )
}

function Fold({ title, open, children }: { title: string; open: boolean; children: ReactNode }) {
  return (
    <details open={open} className="rounded-control border border-line">
      <summary className="cursor-pointer rounded-control px-4 py-2.5 font-medium hover:bg-sunken">{title}</summary>
      <div className="grid grid-cols-1 gap-4 border-t border-line p-4">{children}</div>
    </details>
  )
}

/** Tuples, one a line. */
function Lines({ label, hint, value, onChange }: { label: string; hint?: string; value: string; onChange: (value: string) => void }) {
  const t = texts.use()
  const why = (w: Wrong) => t(w.why === 'form' ? 'lines.form' : 'lines.context')
  return <CodeEditor label={label} hint={hint} size="small" value={value} onChange={onChange} marks={tuplesOf(value).wrong.map((w) => ({ line: w.line, text: why(w) }))} />
}
