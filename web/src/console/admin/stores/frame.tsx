import { useSuspenseQuery } from '@tanstack/react-query'
import { Suspense, useState, type FormEvent, type ReactNode } from 'react'
import { NavLink, useNavigate, useParams, type LoaderFunctionArgs } from 'react-router'

import { answer, api } from '../../../api/client'
import { Badge } from '../../../components/badge'
import { Button } from '../../../components/button'
import { PageHeader } from '../../../components/card'
import { classes } from '../../../components/classes'
import { Dialog } from '../../../components/dialog'
import { EmptyState } from '../../../components/empty-state'
import { TextField } from '../../../components/field'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { common } from '../../../texts/common'
import { rich } from '../../../texts/catalogue'
import { queries } from '../../queries'
import { useAct } from '../act'
import { Back, Code } from '../parts'
import { model, store, type Model, type Store } from './data'
import { loadPowers, useCanHere } from './powers'
import { texts } from './texts'

/** The permission without which a page can say little of a store. */
export const readsModels = 'cardea:authz.model.read'

/** Fetches a store, and the version of its model that is used, before one of its pages is shown. */
export const loader = async ({ params }: LoaderFunctionArgs) => {
  const s = await queries.ensureQueryData({ ...store(params['store']!), revalidateIfStale: true })
  const can = await loadPowers(s.id)
  if (s.model && can(readsModels)) await queries.ensureQueryData(model(s.id, s.model))
  return null
}

/** The store of this page. */
export function useStore(): Store {
  return useSuspenseQuery(store(useParams()['store']!)).data
}

/** What every page about a store has: its name, what can be done with it, and the way to the other pages. */
export function StorePage({ children }: { children: (s: Store) => ReactNode }) {
  const [t, can] = [texts.use(), useCanHere()]
  const s = useStore()
  const at = `/admin/stores/${s.id}`
  const tabs = [
    ...(can(readsModels) ? [[at, t('tab.model')] as const, [`${at}/versions`, t('tab.versions')] as const] : []),
    ...(can('cardea:authz.tuple.read') ? [[`${at}/tuples`, t('tab.tuples')] as const] : []),
    ...(can('cardea:authz.check') ? [[`${at}/ask`, t('tab.ask')] as const] : []),
    ...(can(readsModels) ? [[`${at}/tests`, t('tab.tests')] as const] : []),
  ]
  return (
    <>
      <Back to="/admin/stores">{t('title')}</Back>
      <PageHeader
        title={s.name}
        description={
          <>
            <Code>{s.id}</Code> {s.pinned && <Badge tone="warning">{t('pinned')}</Badge>}
          </>
        }
        actions={<Actions s={s} />}
      />
      <nav aria-label={t('tabs')} className="mb-6 flex gap-1 overflow-x-auto border-b border-line">
        {tabs.map(([to, label]) => (
          <NavLink key={to} to={to} end className={({ isActive }) => classes('-mb-px inline-flex min-h-11 items-center border-b-2 px-3 font-medium whitespace-nowrap -outline-offset-2', isActive ? 'border-accent text-ink' : 'border-transparent text-muted hover:text-ink')}>
            {label}
          </NavLink>
        ))}
      </nav>
      <Suspense fallback={<Skeleton lines={6} />}>{children(s)}</Suspense>
    </>
  )
}

/** Shows what needs a model, or where to write one. */
export function WithModel({ s, children }: { s: Store; children: (m: Model) => ReactNode }) {
  const [t, can] = [texts.use(), useCanHere()]
  if (!can(readsModels)) return <EmptyState title={t('model.hidden')} />
  if (!s.model) return <EmptyState title={t('model.needed')}>{t('model.needed.text')}</EmptyState>
  return <Used id={s.id} version={s.model}>{children}</Used>
}

function Used({ id, version, children }: { id: string; version: string; children: (m: Model) => ReactNode }) {
  return children(useSuspenseQuery(model(id, version)).data)
}

function Actions({ s }: { s: Store }) {
  const [t, can] = [texts.use(), useCanHere()]
  const [doing, setDoing] = useState<'rename' | 'delete'>()
  return (
    <>
      {can('cardea:authz.store.update') && (
        <Button look="secondary" onClick={() => setDoing('rename')}>
          {t('rename')}
        </Button>
      )}
      {can('cardea:authz.store.delete') && (
        <Button look="secondary" onClick={() => setDoing('delete')}>
          {t('delete')}
        </Button>
      )}
      {doing === 'rename' && <Rename s={s} close={() => setDoing(undefined)} />}
      {doing === 'delete' && <Delete s={s} close={() => setDoing(undefined)} />}
    </>
  )
}

function Rename({ s, close }: { s: Store; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [name, setName] = useState(s.name)
  const save = useAct(() => answer(api.PATCH('/api/stores/{store}', { params: { path: { store: s.id } }, body: { name: name.trim() } })), { stale: ['stores'], done: c('saved'), then: close })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={t('rename')}>
      <form className="grid gap-5" onSubmit={submit}>
        <TextField label={t('name')} required maxLength={200} value={name} onChange={(e) => setName(e.target.value)} />
        <ProblemAlert problem={save.error} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={save.isPending} disabled={!name.trim()}>
            {c('save')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Deletes a store once its name was typed: what is lost cannot be had again. */
function Delete({ s, close }: { s: Store; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const navigate = useNavigate()
  const [typed, setTyped] = useState('')
  const remove = useAct(() => answer(api.DELETE('/api/stores/{store}', { params: { path: { store: s.id } } })), {
    stale: [], done: t('deleted'),
    then: async () => {
      await navigate('/admin/stores')
      queries.removeQueries({ queryKey: store(s.id).queryKey })
      void queries.invalidateQueries({ queryKey: ['admin', 'stores'] })
    },
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (typed === s.name) remove.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={<span className="user-text">{t('delete.title', { name: s.name })}</span>} description={t('delete.text')}>
      <form className="grid gap-5" onSubmit={submit}>
        <TextField label={rich(t('delete.type'), { name: <b className="user-text">{s.name}</b> })} autoComplete="off" value={typed} onChange={(e) => setTyped(e.target.value)} />
        <ProblemAlert problem={remove.error} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" look="danger" busy={remove.isPending} disabled={typed !== s.name}>
            {t('delete.do')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
