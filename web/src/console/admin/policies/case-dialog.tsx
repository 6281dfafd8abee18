import { useState, type FormEvent } from 'react'

import { Button } from '../../../components/button'
import { Dialog } from '../../../components/dialog'
import { SelectField, TextArea, TextField } from '../../../components/field'
import { common } from '../../../texts/common'
import { linesOf } from '../parts'
import { casesText } from './draft'
import { texts } from './texts'

/** type:id in two; undefined if it is no such text. */
export function entityOf(text: string): { type: string; id: string } | undefined {
  const at = text.indexOf(':')
  return at > 0 && at < text.length - 1 ? { type: text.slice(0, at).trim(), id: text.slice(at + 1).trim() } : undefined
}

/** A JSON object; undefined if it is none, and nothing said where the text is empty. */
export function propertiesOf(text: string): Record<string, unknown> | undefined {
  if (!text.trim()) return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Makes a case by a form. What needs more is written in the text. */
export function CaseDialog({ text, add, close }: { text: string; add: (cases: string) => void; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [name, setName] = useState('')
  const [subject, setSubject] = useState('user:alice')
  const [parents, setParents] = useState('')
  const [action, setAction] = useState('')
  const [resource, setResource] = useState('')
  const [properties, setProperties] = useState('')
  const [expect, setExpect] = useState('permit')
  const [tried, setTried] = useState(false)
  const before = listOf(text)
  const [who, what, known] = [entityOf(subject), entityOf(resource), propertiesOf(properties)]
  const submit = (e: FormEvent) => {
    e.preventDefault()
    setTried(true)
    if (!who || !what || !known || !before) return
    const belongs = linesOf(parents)
    add(casesText([...before, {
      name: name.trim(), subject: { ...who, ...(belongs.length > 0 && { parents: belongs }) }, action: action.trim(),
      resource: { ...what, ...(Object.keys(known).length > 0 && { properties: known }) }, expect,
    }]))
    close()
  }
  return (
    <Dialog open onOpenChange={close} title={t('case.add')} description={t('case.add.text')}>
      <form className="grid gap-4" onSubmit={submit}>
        <TextField label={t('case.name')} required maxLength={200} value={name} onChange={(e) => setName(e.target.value)} error={!before && tried && t('cases.no_json')} />
        <TextField label={t('case.subject')} required value={subject} onChange={(e) => setSubject(e.target.value)} className="font-mono" dir="ltr" placeholder="user:alice" error={tried && !who && t('case.entity')} />
        <TextArea label={t('case.parents')} hint={t('case.parents.hint')} rows={2} value={parents} onChange={(e) => setParents(e.target.value)} className="font-mono text-sm" dir="ltr" placeholder="role:editor" />
        <TextField label={t('case.action')} required value={action} onChange={(e) => setAction(e.target.value)} className="font-mono" dir="ltr" placeholder="write" />
        <TextField label={t('case.resource')} required value={resource} onChange={(e) => setResource(e.target.value)} className="font-mono" dir="ltr" placeholder="post:1" error={tried && !what && t('case.entity')} />
        <TextArea label={t('case.properties')} rows={2} value={properties} onChange={(e) => setProperties(e.target.value)} className="font-mono text-sm" dir="ltr" placeholder='{"owner": "alice"}' error={tried && !known && t('case.object')} />
        <SelectField label={t('case.expect')} value={expect} onChange={(e) => setExpect(e.target.value)}>
          {(['permit', 'forbid', 'none'] as const).map((effect) => (
            <option key={effect} value={effect}>
              {t(`effect.${effect}`)}
            </option>
          ))}
        </SelectField>
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit">{t('case.add')}</Button>
        </div>
      </form>
    </Dialog>
  )
}

function listOf(text: string): unknown[] | undefined {
  if (!text.trim()) return []
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
