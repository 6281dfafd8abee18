import { useQuery } from '@tanstack/react-query'
import { Network } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { Link, useNavigate } from 'react-router'

import { answer, api } from '../../../api/client'
import { Badge } from '../../../components/badge'
import { Button } from '../../../components/button'
import { PageHeader } from '../../../components/card'
import { CodeBlock } from '../../../components/code-block'
import { Dialog } from '../../../components/dialog'
import { EmptyState } from '../../../components/empty-state'
import { TextField } from '../../../components/field'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { Table } from '../../../components/table'
import { useCan, useSession } from '../../../session/session'
import { common } from '../../../texts/common'
import { useAct } from '../act'
import { fieldError } from '../application-new'
import { rolesOfUser } from '../data'
import { List } from '../list'
import { linkClasses, StoreName, Time } from '../names'
import { Code, Finder, useParam } from '../parts'
import { stores } from './data'
import { texts } from './texts'

/** The stores of relation tuples that applications have here: all of them, or those on which somebody has a role, who may not list all. */
export function Component() {
  return useCan()('cardea:authz.store.read') ? <All /> : <Own />
}

/** The stores on which the signed-in person was given a role. One by way of a group is in no list. */
function Own() {
  const [t, session] = [texts.use(), useSession()]
  const me = session.state === 'authenticated' ? session.user.id : ''
  const { data, error } = useQuery({ ...rolesOfUser(me), enabled: me !== '' })
  const held = new Map<string, string[]>()
  for (const a of data?.items ?? []) if (a.store) held.set(a.store, [...(held.get(a.store) ?? []), a.role])
  return (
    <>
      <PageHeader title={t('title')} description={t('own.text')} />
      {error ? (
        <ProblemAlert problem={error} />
      ) : !data ? (
        <Skeleton lines={5} />
      ) : (
        <Table
          label={t('title')}
          rows={[...held]}
          rowKey={([id]) => id}
          columns={[
            { id: 'name', title: t('name'), cell: ([id]) => <StoreName id={id} own /> },
            { id: 'id', title: t('id'), cell: ([id]) => <Code>{id}</Code> },
            { id: 'roles', title: t('own.role'), cell: ([, roles]) => roles.join(', ') },
          ]}
          empty={<EmptyState icon={<Network aria-hidden />} title={t('own.none')}>{t('own.none.text')}</EmptyState>}
        />
      )}
    </>
  )
}

function All() {
  const [t, can] = [texts.use(), useCan()]
  const [name] = useParam('q')
  const [making, setMaking] = useState(false)
  const make = can('cardea:authz.store.create') && (
    <Button icon={<Network size={18} aria-hidden />} onClick={() => setMaking(true)}>
      {t('make')}
    </Button>
  )
  return (
    <>
      <PageHeader title={t('title')} description={t('text')} actions={make} />
      <Finder label={t('find')} />
      <List
        query={stores(name)}
        label={t('title')}
        rowKey={(s) => s.id}
        columns={[
          {
            id: 'name', title: t('name'),
            cell: (s) => (
              <Link to={`/admin/stores/${s.id}`} className={linkClasses}>
                {s.name}
              </Link>
            ),
          },
          { id: 'id', title: t('id'), cell: (s) => <Code>{s.id}</Code> },
          { id: 'model', title: t('model'), cell: (s) => (s.model ? s.pinned ? <Badge tone="warning">{t('pinned')}</Badge> : t('model.newest') : <span className="text-muted">{t('model.none')}</span>) },
          { id: 'created', title: t('made'), end: true, wideOnly: true, cell: (s) => <Time at={s.created} day /> },
        ]}
        empty={
          name ? (
            <EmptyState icon={<Network aria-hidden />} title={t('none_called')} />
          ) : (
            <EmptyState icon={<Network aria-hidden />} title={t('none')} action={make}>
              <p>{t('none.text')}</p>
              <div className="mt-4 w-0 min-w-full text-start text-ink">
                <CodeBlock label={t('none.example')}>{'user:anne        editor  folder:plans\nteam:eng#member  viewer  folder:plans\nfolder:plans     parent  folder:q3'}</CodeBlock>
              </div>
            </EmptyState>
          )
        }
      />
      {making && <Make close={() => setMaking(false)} />}
    </>
  )
}

function Make({ close }: { close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const make = useAct(() => answer(api.POST('/api/stores', { body: { name: name.trim() } })), { stale: ['stores'], done: t('made.done'), then: (s) => navigate(`/admin/stores/${s.id}`) })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    make.mutate()
  }
  const wrong = fieldError(make.error, '/name')
  return (
    <Dialog open onOpenChange={close} title={t('make')} description={t('make.text')}>
      <form className="grid gap-5" onSubmit={submit}>
        <TextField label={t('name')} hint={t('name.hint')} required maxLength={200} value={name} onChange={(e) => setName(e.target.value)} error={wrong} />
        {!wrong && <ProblemAlert problem={make.error} />}
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={make.isPending} disabled={!name.trim()}>
            {t('make.do')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
