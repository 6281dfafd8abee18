import { UserPlus, UsersRound } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useParams } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Button } from '../../components/button'
import { PageHeader } from '../../components/card'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { useAct } from './act'
import { groupMembers } from './data'
import { List } from './list'
import { SubjectName } from './names'
import { Asking, Back } from './parts'
import { SubjectField, type Subject } from './subject'
import { texts } from './texts'

/** Who belongs directly to a group. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const group = useParams()['group']!
  const [adding, setAdding] = useState(false)
  const remove = useAct(
    (s: Schema<'Holder'>) =>
      answer(api.DELETE('/api/groups/{group}/members', { params: { path: { group }, query: { subject_type: s.type, subject_id: s.id, ...(s.relation && { subject_relation: s.relation }) } } })),
    { stale: ['groups', 'assignments'], done: t('group.removed') },
  )
  const add = can('cardea:group.change') && (
    <Button icon={<UserPlus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t('group.add')}
    </Button>
  )
  return (
    <>
      <Back to="/admin/groups">{t('groups.title')}</Back>
      <PageHeader title={group} description={t('group.text')} actions={add} />
      <List
        query={groupMembers(group)}
        label={t('group.members')}
        rowKey={(s) => `${s.type}:${s.id}#${s.relation ?? ''}`}
        columns={[
          { id: 'who', title: t('member.member'), cell: (s) => <SubjectName subject={s} /> },
          { id: 'type', title: t('subject.type'), cell: (s) => t(`subject.${s.type}`) },
          {
            id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
            cell: (s) =>
              can('cardea:group.change') && (
                <Asking size="small" title={t('group.remove.title', { who: s.id, group })} text={t('group.remove.text')} confirm={t('remove')} label={t('group.remove.title', { who: s.id, group })} run={() => remove.mutateAsync(s)}>
                  {t('remove')}
                </Asking>
              ),
          },
        ]}
        empty={
          <EmptyState icon={<UsersRound aria-hidden />} title={t('group.none')} action={add}>
            {t('group.none.text')}
          </EmptyState>
        }
      />
      {adding && <AddMember group={group} close={() => setAdding(false)} />}
    </>
  )
}

function AddMember({ group, close }: { group: string; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [subject, setSubject] = useState<Subject>()
  const add = useAct(
    (s: Subject) => answer(api.POST('/api/groups/{group}/members', { params: { path: { group } }, body: { type: s.type, id: s.id, ...(s.type === 'group' && { relation: 'member' as const }) } })),
    { stale: ['groups', 'assignments'], done: t('group.added'), then: close },
  )
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (subject) add.mutate(subject)
  }
  return (
    <Dialog open onOpenChange={close} title={<span className="user-text">{t('group.add_to', { group })}</span>}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={add.error} />
        <SubjectField onChange={setSubject} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={add.isPending} disabled={!subject}>
            {t('group.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
