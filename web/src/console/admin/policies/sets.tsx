import { Plus, ScrollText } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { Link, useNavigate } from 'react-router'

import { answer, api } from '../../../api/client'
import { Badge } from '../../../components/badge'
import { Button } from '../../../components/button'
import { PageHeader } from '../../../components/card'
import { Dialog } from '../../../components/dialog'
import { EmptyState } from '../../../components/empty-state'
import { TextField, useFirstWrong } from '../../../components/field'
import { ProblemAlert } from '../../../components/problem-alert'
import { useCan } from '../../../session/session'
import { common } from '../../../texts/common'
import { useAct } from '../act'
import { fieldError } from '../application-new'
import { List } from '../list'
import { linkClasses, Time } from '../names'
import { policySets } from './data'
import { texts } from './texts'

/** All sets of policies, with the version of each that decides. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const [adding, setAdding] = useState(false)
  const add = can('cardea:policy.write') && (
    <Button icon={<Plus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t('sets.add')}
    </Button>
  )
  return (
    <>
      <PageHeader title={t('sets.title')} description={t('sets.text')} actions={add} />
      <List
        query={policySets}
        label={t('sets.title')}
        rowKey={(s) => s.name}
        columns={[
          {
            id: 'name', title: t('set.name'),
            cell: (s) => (
              <div className="grid justify-items-start gap-0.5">
                <Link to={`/admin/policies/${s.name}`} className={linkClasses}>
                  {s.name}
                </Link>
                {s.description && <span className="user-text max-w-md text-muted">{s.description}</span>}
              </div>
            ),
          },
          { id: 'active', title: t('set.decides'), cell: (s) => <Decides active={s.active} /> },
          { id: 'latest', title: t('set.latest'), wideOnly: true, end: true, cell: (s) => s.latest ?? '–' },
          { id: 'updated', title: t('set.updated'), wideOnly: true, end: true, cell: (s) => <Time at={s.updated} /> },
        ]}
        empty={
          <EmptyState icon={<ScrollText aria-hidden />} title={t('sets.none')} action={add}>
            {t('sets.none.text')}
          </EmptyState>
        }
      />
      {adding && <AddSet close={() => setAdding(false)} />}
    </>
  )
}

/** Which version of a set decides; `said` in a sentence of its own, where no title says it. */
export function Decides({ active, said = false }: { active: number | undefined; said?: boolean }) {
  const t = texts.use()
  return active ? <Badge tone="success">{t(said ? 'set.active' : 'version.n', { number: String(active) })}</Badge> : <Badge>{t('set.inactive')}</Badge>
}

function AddSet({ close }: { close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const add = useAct(() => answer(api.POST('/api/policies', { body: { name, ...(description && { description }) } })), {
    stale: ['policies'], done: t('sets.added'), then: () => void navigate(`/admin/policies/${name}`),
  })
  const form = useFirstWrong(add.error)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    add.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={t('sets.add')}>
      <form ref={form} className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={add.error} />
        <TextField label={t('set.name')} hint={t('set.name.hint')} required maxLength={63} value={name} onChange={(e) => setName(e.target.value)} error={fieldError(add.error, '/name')} className="font-mono" dir="ltr" />
        <TextField label={t('set.description')} maxLength={500} value={description} onChange={(e) => setDescription(e.target.value)} error={fieldError(add.error, '/description')} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={add.isPending}>
            {t('sets.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
