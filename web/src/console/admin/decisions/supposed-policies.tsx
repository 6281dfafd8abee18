import { useQuery } from '@tanstack/react-query'
import { Plus, X } from 'lucide-react'
import { useEffect, useState } from 'react'

import { Button, IconButton } from '../../../components/button'
import { CodeEditor } from '../../../components/code-editor'
import { SelectField } from '../../../components/field'
import { cedar } from '../../../components/highlight'
import { useCan } from '../../../session/session'
import { allPolicySets, check, newestVersions } from '../policies/data'
import type { SupposedSet } from './suppose'
import { texts } from './texts'

/** Policies in place of those that decide: another version of a set, or a draft. */
export function SupposedPolicies({ sets, change }: { sets: readonly SupposedSet[]; change: (sets: readonly SupposedSet[]) => void }) {
  const [t, can] = [texts.use(), useCan()]
  const { data } = useQuery({ ...allPolicySets, enabled: can('cardea:policy.read') })
  const left = data?.items.filter((s) => !sets.some((x) => x.set === s.name)) ?? []
  return (
    <fieldset className="grid grid-cols-1 gap-4">
      <legend className="mb-1 font-semibold">{t('simulate.policies')}</legend>
      <p className="text-sm text-muted">{t('simulate.policies.hint')}</p>
      {sets.map((s, i) => (
        <SupposedOne key={s.set} one={s} change={(next) => change(sets.map((x, n) => (n === i ? next : x)))} remove={() => change(sets.filter((_, n) => n !== i))} />
      ))}
      {left.length > 0 && (
        <div className="flex flex-wrap gap-2">
          {left.map((s) => (
            <Button key={s.name} size="small" look="secondary" icon={<Plus size={16} aria-hidden />} onClick={() => change([...sets, { set: s.name, version: s.latest ?? 0, draft: '' }])}>
              {t('simulate.policies.add', { set: s.name })}
            </Button>
          ))}
        </div>
      )}
      {data && data.items.length === 0 && <p className="text-sm">{t('simulate.policies.none')}</p>}
    </fieldset>
  )
}

function SupposedOne({ one, change, remove }: { one: SupposedSet; change: (next: SupposedSet) => void; remove: () => void }) {
  const t = texts.use()
  const { data } = useQuery(newestVersions(one.set))
  const [settled, settle] = useState(one.draft)
  useEffect(() => {
    const timer = setTimeout(() => settle(one.draft), 400)
    return () => clearTimeout(timer)
  }, [one.draft])
  const { data: checked } = useQuery({ ...check(one.set, { policies: settled }), enabled: one.version === 0 })
  return (
    <div className="grid grid-cols-1 gap-3 rounded-control border border-line p-4">
      <div className="flex items-end gap-3">
        <div className="min-w-0 flex-1 sm:max-w-80">
          <SelectField label={t('simulate.instead', { set: one.set })} value={one.version} onChange={(e) => change({ ...one, version: Number(e.target.value) })}>
            {data?.items.map((v) => (
              <option key={v.number} value={v.number}>
                {t('decision.version', { number: String(v.number) })}
                {v.note ? `: ${v.note}` : ''}
              </option>
            ))}
            {one.version > 0 && !data?.items.some((v) => v.number === one.version) && <option value={one.version}>{t('decision.version', { number: String(one.version) })}</option>}
            <option value={0}>{t('simulate.draft')}</option>
          </SelectField>
        </div>
        <IconButton label={t('simulate.policies.remove', { set: one.set })} onClick={remove}>
          <X size={18} aria-hidden />
        </IconButton>
      </div>
      {one.version === 0 && (
        <CodeEditor
          size="small" label={t('simulate.draft.of', { set: one.set })} value={one.draft} onChange={(draft) => change({ ...one, draft })} highlight={cedar}
          marks={(checked?.findings ?? []).map((f) => ({ line: f.line, column: f.column, text: f.text }))}
        />
      )}
    </div>
  )
}
