import { useState } from 'react'

import { answer, api } from '../../api/client'
import { Combobox, type Choice } from '../../components/combobox'
import { SelectField, TextField } from '../../components/field'
import { nameOf } from './names'
import { texts } from './texts'

/** Who is meant: what roles can be given to and decisions be asked about. */
export interface Subject {
  type: 'user' | 'service' | 'group'
  id: string
}

/** Users whose address begins so. */
export async function findUsers(text: string): Promise<Choice[]> {
  const { items } = await answer(api.GET('/api/users', { params: { query: { limit: 8, ...(text && { email: text }) } } }))
  return items.map((u) => ({ value: u.id, label: nameOf(u), note: u.name ? u.email : undefined }))
}

/** Applications that can act for themselves, by name. */
export async function findClients(text: string): Promise<Choice[]> {
  const { items } = await answer(api.GET('/api/clients', { params: { query: { limit: 8, ...(text && { name: text }) } } }))
  return items.map((c) => ({ value: c.client_id, label: c.name, note: c.client_id }))
}

/** Organisations by name. */
export async function findOrgs(text: string): Promise<Choice[]> {
  const { items } = await answer(api.GET('/api/orgs', { params: { query: { limit: 8, ...(text && { name: text }) } } }))
  return items.map((o) => ({ value: o.id, label: o.name }))
}

/** Stores of relation tuples, by a part of the name; beyond those that are fetched, by the whole name, as the server finds them. */
export async function findStores(text: string): Promise<Choice[]> {
  const found = async (name: string) => (await answer(api.GET('/api/stores', { params: { query: { limit: 200, ...(name && { name }) } } }))).items
  const named = (await found('')).filter((s) => s.name.toLowerCase().includes(text.toLowerCase()))
  const items = named.length > 0 || !text ? named : await found(text)
  return items.slice(0, 8).map((s) => ({ value: s.id, label: s.name, note: s.id }))
}

/** Chooses a subject: what it is, then which one. */
export function SubjectField({ start, onChange }: { start?: Subject & { label: string }; onChange: (subject: (Subject & { label: string }) | undefined) => void }) {
  const t = texts.use()
  const [type, setType] = useState<Subject['type']>(start?.type ?? 'user')
  const [choice, setChoice] = useState<Choice | null>(start ? { value: start.id, label: start.label } : null)
  const choose = (next: Choice | null) => {
    setChoice(next)
    onChange(next?.value ? { type, id: next.value, label: next.label } : undefined)
  }
  const change = (next: Subject['type']) => {
    setType(next)
    setChoice(null)
    onChange(undefined)
  }
  return (
    <div className="grid gap-x-4 gap-y-5 sm:grid-cols-[10rem_minmax(0,1fr)]">
      <SelectField label={t('subject.type')} value={type} onChange={(e) => change(e.target.value as Subject['type'])}>
        <option value="user">{t('subject.user')}</option>
        <option value="service">{t('subject.service')}</option>
        <option value="group">{t('subject.group')}</option>
      </SelectField>
      {type === 'group' ? (
        <TextField label={t('group.name')} value={choice?.value ?? ''} maxLength={100} onChange={(e) => choose({ value: e.target.value.trim(), label: e.target.value.trim() })} />
      ) : (
        <Combobox
          key={type}
          label={type === 'user' ? t('subject.who') : t('subject.which')}
          placeholder={type === 'user' ? t('subject.who.hint') : t('subject.which.hint')}
          value={choice}
          onChange={choose}
          find={type === 'user' ? findUsers : findClients}
          empty={t('subject.nobody')}
        />
      )}
    </div>
  )
}
