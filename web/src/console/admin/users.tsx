import { UserPlus, Users } from 'lucide-react'
import { useState } from 'react'
import { useForm } from 'react-hook-form'
import { Link, useNavigate } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { PageHeader } from '../../components/card'
import { Checkbox } from '../../components/checkbox'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { useAct } from './act'
import { users } from './data'
import { List } from './list'
import { linkClasses, nameOf, Time } from './names'
import { Finder, useParam } from './parts'
import { texts } from './texts'

/** How an account stands, in a word. */
export function UserState({ state }: { state: Schema<'User'>['state'] }) {
  const t = texts.use()
  const tone = { active: 'success', unverified: 'warning', disabled: 'danger' } as const
  return <Badge tone={tone[state]}>{t(`user.state.${state}`)}</Badge>
}

/** All accounts, found by address. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const [q] = useParam('q')
  const [adding, setAdding] = useState(false)
  const add = can('cardea:user.create') && (
    <Button icon={<UserPlus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t('users.add')}
    </Button>
  )
  return (
    <>
      <PageHeader title={t('users.title')} description={t('users.text')} actions={add} />
      <Finder label={t('users.find')} />
      <List
        query={users(q)}
        label={t('users.title')}
        rowKey={(u) => u.id}
        columns={[
          {
            id: 'who', title: t('user.who'),
            cell: (u) => (
              <div className="grid">
                <Link to={`/admin/users/${u.id}`} className={linkClasses}>
                  {nameOf(u)}
                </Link>
                {u.name && u.email && <bdi className="text-muted">{u.email}</bdi>}
              </div>
            ),
          },
          { id: 'state', title: t('user.state'), cell: (u) => <UserState state={u.state} /> },
          { id: 'created', title: t('user.created'), end: true, wideOnly: true, cell: (u) => <Time at={u.created} day /> },
        ]}
        empty={
          <EmptyState icon={<Users aria-hidden />} title={q ? t('users.none_found', { text: q }) : t('users.none')} action={q ? undefined : add}>
            {q ? t('users.none_found.text') : t('users.none.text')}
          </EmptyState>
        }
      />
      {adding && <AddUser close={() => setAdding(false)} />}
    </>
  )
}

function AddUser({ close }: { close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const navigate = useNavigate()
  const { register, handleSubmit } = useForm({ defaultValues: { email: '', name: '', email_verified: false } })
  const add = useAct((body: Schema<'NewUser'>) => answer(api.POST('/api/users', { body })), {
    stale: ['users'], done: t('users.added'), then: (made) => void navigate(`/admin/users/${made.id}`),
  })
  return (
    <Dialog open onOpenChange={close} title={t('users.add')} description={t('users.add.text')}>
      <form className="grid gap-5" onSubmit={(e) => void handleSubmit(({ name, ...rest }) => add.mutate({ ...rest, ...(name && { name }) }))(e)}>
        <ProblemAlert problem={add.error} />
        <TextField label={t('user.email')} type="email" required autoComplete="off" {...register('email')} />
        <TextField label={t('user.name')} autoComplete="off" maxLength={200} {...register('name')} />
        <Checkbox label={t('users.add.verified')} hint={t('users.add.verified.hint')} {...register('email_verified')} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={add.isPending}>
            {t('users.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
