import { UsersRound } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { Link, useNavigate } from 'react-router'

import { Button } from '../../components/button'
import { PageHeader } from '../../components/card'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { TextField } from '../../components/field'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { groups } from './data'
import { List } from './list'
import { linkClasses } from './names'
import { texts } from './texts'

const counted = 100 // as far as the server counts

/** The groups that have members. A new one begins with its name and exists with its first member. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const [adding, setAdding] = useState(false)
  const add = can('cardea:group.change') && (
    <Button icon={<UsersRound size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t('groups.add')}
    </Button>
  )
  return (
    <>
      <PageHeader title={t('groups.title')} description={t('groups.text')} actions={add} />
      <List
        query={groups}
        label={t('groups.title')}
        rowKey={(g) => g.id}
        columns={[
          {
            id: 'name', title: t('group.name'),
            cell: (g) => (
              <Link to={`/admin/groups/${encodeURIComponent(g.id)}`} className={linkClasses}>
                {g.id}
              </Link>
            ),
          },
          { id: 'members', title: t('group.members_direct'), end: true, cell: (g) => (g.members < counted ? g.members : t('overview.at_least', { count: counted })) },
        ]}
        empty={
          <EmptyState icon={<UsersRound aria-hidden />} title={t('groups.none')} action={add}>
            {t('groups.none.text')}
          </EmptyState>
        }
      />
      {adding && <Add close={() => setAdding(false)} />}
    </>
  )
}

function Add({ close }: { close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const submit = (e: FormEvent) => {
    e.preventDefault()
    void navigate(`/admin/groups/${encodeURIComponent(name.trim())}`)
  }
  return (
    <Dialog open onOpenChange={close} title={t('groups.add')} description={t('groups.add.text')}>
      <form className="grid gap-5" onSubmit={submit}>
        <TextField label={t('group.name')} required maxLength={100} value={name} onChange={(e) => setName(e.target.value)} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" disabled={!name.trim()}>
            {t('groups.open')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
