import { Plus, UserCog } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { Link, useNavigate } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { PageHeader } from '../../components/card'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { TextArea, TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { useAct } from './act'
import { fieldError } from './application-new'
import { builtIn } from './assign'
import { pages } from './data'
import { List } from './list'
import { linkClasses } from './names'
import { Code, linesOf } from './parts'
import { texts } from './texts'

const roles = pages(['roles', 'list'], (cursor) => answer(api.GET('/api/roles', { params: { query: { limit: 50, ...cursor } } })))

/** All roles, with what each permits. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const [adding, setAdding] = useState(false)
  const own: Schema<'Role'>[] = builtIn.map((name) => ({ name, description: t(name === builtIn[0] ? 'role.admin' : 'role.viewer'), permissions: [], inherits: [], created: '' }))
  const add = can('cardea:role.create') && (
    <Button icon={<Plus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t('roles.add')}
    </Button>
  )
  return (
    <>
      <PageHeader title={t('roles.title')} description={t('roles.text')} actions={add} />
      <List
        query={roles}
        first={own}
        label={t('roles.title')}
        rowKey={(r) => r.name}
        columns={[
          {
            id: 'name', title: t('role.role'),
            cell: (r) => (
              <div className="grid justify-items-start gap-1">
                <Link to={`/admin/roles/${encodeURIComponent(r.name)}`} className={linkClasses}>
                  {r.name}
                </Link>
                {r.description && <span className="user-text max-w-xs text-muted">{r.description}</span>}
                {!r.created && <Badge>{t('role.built_in')}</Badge>}
              </div>
            ),
          },
          {
            id: 'permissions', title: t('role.permissions'),
            cell: (r) => (
              <div className="flex flex-wrap gap-1.5">
                {r.permissions.slice(0, 4).map((p) => (
                  <Code key={p}>{p}</Code>
                ))}
                {r.permissions.length > 4 && <span className="text-muted">{t('role.more', { count: r.permissions.length - 4 })}</span>}
                {r.created && r.permissions.length === 0 && <span className="text-muted">–</span>}
              </div>
            ),
          },
          { id: 'inherits', title: t('role.inherits'), wideOnly: true, cell: (r) => r.inherits.join(', ') || '–' },
        ]}
        empty={<EmptyState icon={<UserCog aria-hidden />} title={t('roles.none')} action={add} />}
      />
      {adding && <AddRole close={() => setAdding(false)} />}
    </>
  )
}

function AddRole({ close }: { close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const [permissions, setPermissions] = useState('')
  const add = useAct(() => answer(api.POST('/api/roles', { body: { name, permissions: linesOf(permissions), ...(description && { description }) } })), {
    stale: ['roles'], done: t('roles.added'), then: () => void navigate(`/admin/roles/${encodeURIComponent(name)}`),
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    add.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={t('roles.add')}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={add.error} />
        <TextField label={t('role.name')} hint={t('role.name.hint')} required maxLength={100} value={name} onChange={(e) => setName(e.target.value)} error={fieldError(add.error, '/name')} />
        <TextField label={t('role.description')} maxLength={500} value={description} onChange={(e) => setDescription(e.target.value)} />
        <TextArea label={t('role.permissions')} hint={t('role.permissions.hint')} value={permissions} onChange={(e) => setPermissions(e.target.value)} error={fieldError(add.error, '/permissions')} className="font-mono text-sm" dir="ltr" placeholder={'invoice:read\ninvoice:create'} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={add.isPending}>
            {t('roles.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
