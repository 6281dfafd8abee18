import { useQuery } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'

import { answer, api } from '../../../api/client'
import { Button } from '../../../components/button'
import { Checkbox } from '../../../components/checkbox'
import { Dialog } from '../../../components/dialog'
import { SelectField, TextArea, TextField, useFirstWrong } from '../../../components/field'
import { ProblemAlert } from '../../../components/problem-alert'
import { useCan } from '../../../session/session'
import { common } from '../../../texts/common'
import { useAct } from '../act'
import { fieldError } from '../application-new'
import { linesOf } from '../parts'
import { allPolicySets, decisionPoints, stores, type Plan } from './data'
import { PlanText } from './plan-text'
import { texts } from './texts'

/** Lines such as read=viewer as what is asked of a store. A line without = asks for the relation that is called like the action. */
export function relationsOf(text: string): Record<string, string> {
  return Object.fromEntries(linesOf(text).map((line) => {
    const at = line.lastIndexOf('=') // an action may hold one, a relation cannot
    return at < 0 ? [line, line] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]
  }))
}

/** Sets the plan for a type. What it would do is said below while it is put together. */
export function PlanDialog({ start, close }: { start: Partial<Plan>; close: () => void }) {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const [type, setType] = useState(start.type ?? '')
  const [roles, setRoles] = useState(start.roles ?? false)
  const [policies, setPolicies] = useState<readonly string[]>(start.policies ?? [])
  const [points, setPoints] = useState<readonly string[]>(start.points ?? [])
  const [store, setStore] = useState(start.store ?? '')
  const [relations, setRelations] = useState(Object.entries(start.relations ?? {}).map(([a, r]) => `${a}=${r}`).join('\n'))
  const { data: sets } = useQuery({ ...allPolicySets, enabled: can('cardea:policy.read') })
  const { data: outside } = useQuery({ ...decisionPoints, enabled: can('cardea:point.read') })
  const { data: known } = useQuery({ ...stores, enabled: can('cardea:authz.store.read') })
  const plan = { roles, policies: [...policies], points: [...points], ...(store && { store, relations: relationsOf(relations) }) }
  const set = useAct(() => answer(api.PUT('/api/plans/{type}', { params: { path: { type: type.trim() } }, body: plan })), { stale: ['plans'], done: t('plan.set'), then: close })
  const form = useFirstWrong(set.error)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    set.mutate()
  }
  const named = [...new Set([...policies, ...(sets?.items.map((s) => s.name) ?? [])])]
  return (
    <Dialog open onOpenChange={close} title={start.type ? t('plan.title', { type: start.type }) : t('plan.add')}>
      <form ref={form} className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={set.error} />
        <TextField label={t('plan.type')} hint={t('plan.type.hint')} required readOnly={!!start.type} maxLength={256} value={type} onChange={(e) => setType(e.target.value)} className="font-mono" dir="ltr" placeholder="invoice" error={fieldError(set.error, '/type')} />
        <fieldset className="grid gap-3">
          <legend className="mb-2 text-sm font-medium">{t('plan.engines')}</legend>
          <Checkbox label={t('plan.roles')} hint={t('plan.roles.hint')} checked={roles} onChange={(e) => setRoles(e.target.checked)} />
          {named.map((name) => (
            <Checkbox
              key={name} label={t('plan.policies', { name })} hint={sets?.items.find((s) => s.name === name)?.active === undefined ? t('plan.policies.inactive') : undefined}
              checked={policies.includes(name)} onChange={(e) => setPolicies(e.target.checked ? [...policies, name] : policies.filter((n) => n !== name))}
            />
          ))}
          {[...new Set([...points, ...(outside?.items.map((p) => p.name) ?? [])])].map((name) => (
            <Checkbox key={name} label={t('plan.points', { name })} hint={t('plan.points.hint')} checked={points.includes(name)} onChange={(e) => setPoints(e.target.checked ? [...points, name] : points.filter((n) => n !== name))} />
          ))}
        </fieldset>
        {known ? (
          <SelectField label={t('plan.store')} hint={t('plan.store.hint')} value={store} onChange={(e) => setStore(e.target.value)} error={fieldError(set.error, '/store')}>
            <option value="">{t('plan.store.none')}</option>
            {store && !known.items.some((s) => s.id === store) && <option value={store}>{store}</option>}
            {known.items.map((s) => (
              <option key={s.id} value={s.id}>
                {s.name}
              </option>
            ))}
          </SelectField>
        ) : (
          <TextField label={t('plan.store')} hint={t('plan.store.hint')} value={store} onChange={(e) => setStore(e.target.value.trim())} error={fieldError(set.error, '/store')} />
        )}
        {store && <TextArea label={t('plan.relations.label')} hint={t('plan.relations.hint')} required value={relations} onChange={(e) => setRelations(e.target.value)} className="font-mono text-sm" dir="ltr" placeholder={'read=viewer\nwrite=editor'} error={fieldError(set.error, '/relations')} />}
        <p role="status" className="rounded-control bg-sunken px-4 py-3 text-sm">
          <PlanText plan={{ ...plan, type: type.trim() || '…' }} />
        </p>
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={set.isPending}>
            {t('plan.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
