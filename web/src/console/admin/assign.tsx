import { useQuery } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'

import { answer, api, type Schema } from '../../api/client'
import { Button } from '../../components/button'
import { Dialog } from '../../components/dialog'
import { SelectField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { common } from '../../texts/common'
import { useAct } from './act'
import { allRoles } from './data'
import { PlaceField, type Place } from './place'
import { SubjectField, type Subject } from './subject'
import { texts } from './texts'

// Cardea's own roles are compiled in and in no list.
export const builtIn = ['cardea:admin', 'cardea:viewer'] as const

/** What an assignment is about in a call that takes it back. */
export function unassign(a: Schema<'Assignment'>): Promise<unknown> {
  return answer(
    api.DELETE('/api/roles/{role}/assignments', {
      params: {
        path: { role: a.role },
        query: { subject_type: a.subject.type, subject_id: a.subject.id, ...(a.subject.relation && { subject_relation: a.subject.relation }), ...(a.org && { org: a.org }), ...(a.store && { store: a.store }) },
      },
    }),
  )
}

/** Gives a role to a subject; each of them may be known already, and on what it counts. */
export function AssignDialog({ role: fixedRole, subject: fixed, place: fixedPlace, close }: { role?: string; subject?: Subject & { label: string }; place?: Place; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [subject, setSubject] = useState(fixed)
  const [role, setRole] = useState(fixedRole ?? '')
  const [place, setPlace] = useState<Place | undefined>(fixedPlace ?? {})
  const [hours, setHours] = useState('')
  const { data: roles } = useQuery({ ...allRoles, enabled: !fixedRole })
  const give = useAct(
    () =>
      answer(
        api.POST('/api/roles/{role}/assignments', {
          params: { path: { role } },
          body: {
            subject: { type: subject!.type, id: subject!.id, ...(subject!.type === 'group' && { relation: 'member' as const }) },
            ...(place?.org && { org: place.org.value }),
            ...(place?.store && { store: place.store.value }),
            ...(hours && { expires: new Date(Date.now() + Number(hours) * 3_600_000).toISOString() }),
          },
        }),
      ),
    { stale: ['assignments'], done: t('assign.done'), then: close },
  )
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (subject && role && place) give.mutate()
  }
  const title = fixedRole ? t('assign.title_role', { role: fixedRole }) : fixed ? t('assign.title_subject', { who: fixed.label }) : t('assign.give')
  return (
    <Dialog open onOpenChange={close} title={<span className="user-text">{title}</span>} description={t('assign.text')}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={give.error} />
        {!fixed && <SubjectField onChange={setSubject} />}
        {!fixedRole && (
          <SelectField label={t('role.role')} value={role} required onChange={(e) => setRole(e.target.value)}>
            <option value="">{t('assign.choose_role')}</option>
            {roles?.items.map((r) => (
              <option key={r.name} value={r.name}>
                {r.name}
              </option>
            ))}
            {builtIn.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </SelectField>
        )}
        {!fixedPlace && <PlaceField onChange={setPlace} />}
        <SelectField label={t('assign.until')} value={hours} onChange={(e) => setHours(e.target.value)}>
          <option value="">{t('assign.forever')}</option>
          <option value="1">{t('assign.hours', { count: 1 })}</option>
          <option value="8">{t('assign.hours', { count: 8 })}</option>
          <option value="24">{t('assign.days', { count: 1 })}</option>
          <option value="168">{t('assign.days', { count: 7 })}</option>
          <option value="720">{t('assign.days', { count: 30 })}</option>
        </SelectField>
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={give.isPending} disabled={!subject || !role || !place}>
            {t('assign.give')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
