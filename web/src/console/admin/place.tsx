import { useState } from 'react'

import { Combobox, type Choice } from '../../components/combobox'
import { SelectField } from '../../components/field'
import { useCan } from '../../session/session'
import { findOrgs, findStores } from './subject'
import { texts } from './texts'

/** On what a role counts: an organisation, a store of relation tuples, or with neither the whole tenant. */
export type Place = { org?: Choice; store?: never } | { store?: Choice; org?: never }

type Kind = 'everywhere' | 'org' | 'store'

/** Chooses on what a role counts. It is undefined until one is chosen, so that nothing half said becomes the whole tenant. */
export function PlaceField({ onChange }: { onChange: (place: Place | undefined) => void }) {
  const [t, can] = [texts.use(), useCan()]
  const [kind, setKind] = useState<Kind>('everywhere')
  const [choice, setChoice] = useState<Choice | null>(null)
  const change = (next: Kind) => {
    setKind(next)
    setChoice(null)
    onChange(next === 'everywhere' ? {} : undefined)
  }
  const choose = (next: Choice | null) => {
    setChoice(next)
    onChange(next ? (kind === 'org' ? { org: next } : { store: next }) : undefined)
  }
  const [orgs, stores] = [can('cardea:org.read'), can('cardea:authz.store.read')]
  if (!orgs && !stores) return null
  return (
    <div className="grid gap-x-4 gap-y-5 sm:grid-cols-2">
      <SelectField label={t('assign.where')} value={kind} onChange={(e) => change(e.target.value as Kind)}>
        <option value="everywhere">{t('assign.where.everywhere')}</option>
        {orgs && <option value="org">{t('assign.where.org')}</option>}
        {stores && <option value="store">{t('assign.where.store')}</option>}
      </SelectField>
      {kind === 'org' && <Combobox key="org" label={t('assign.org.which')} placeholder={t('subject.which.hint')} value={choice} onChange={choose} find={findOrgs} empty={t('orgs.none')} />}
      {kind === 'store' && <Combobox key="store" label={t('assign.store.which')} placeholder={t('assign.store.which.hint')} value={choice} onChange={choose} find={findStores} empty={t('assign.store.none')} />}
    </div>
  )
}
