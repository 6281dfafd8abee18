import { useInfiniteQuery } from '@tanstack/react-query'
import { Link2, Plus } from 'lucide-react'
import { useState, type FormEvent, type ReactNode } from 'react'
import { useSearchParams } from 'react-router'

import { answer, api } from '../../../api/client'
import { Badge } from '../../../components/badge'
import { Button } from '../../../components/button'
import { Card } from '../../../components/card'
import { EmptyState } from '../../../components/empty-state'
import { SelectField, TextField } from '../../../components/field'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { common } from '../../../texts/common'
import { useAct } from '../act'
import { List } from '../list'
import { Time } from '../names'
import { Asking, Code } from '../parts'
import { tuples, usersOf, type Outline, type Store, type Tuple, type TupleFilter } from './data'
import { StorePage, WithModel } from './frame'
import { objectTypes, relationsOf, typeOf, userTypes } from './outline'
import { useCanHere } from './powers'
import { texts } from './texts'
import { WriteTuple } from './tuple-new'

export { loader } from './frame'

/** The tuples of a store: found by what is known of them, written under the model, taken away. */
export function Component() {
  return <StorePage>{(s) => <WithModel s={s}>{(m) => <Tuples key={s.id} s={s} outline={m.outline!} />}</WithModel>}</StorePage>
}

function Tuples({ s, outline }: { s: Store; outline: Outline }) {
  const [t, can] = [texts.use(), useCanHere()]
  const [params, setParams] = useSearchParams()
  const [user, relation, object] = [params.get('user') ?? '', params.get('relation') ?? '', params.get('object') ?? '']
  const [adding, setAdding] = useState(false)
  const may = can('cardea:authz.tuple.write')
  const remove = useAct((x: Tuple) => answer(api.DELETE('/api/stores/{store}/tuples', { params: { path: { store: s.id }, query: { user: x.user, relation: x.relation, object: x.object } } })), {
    stale: ['tuples'], done: t('tuple.removed'),
  })
  const add = may && (
    <Button icon={<Plus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t('tuple.add')}
    </Button>
  )
  const filtered = !!(user || relation || object)
  const whole = /^[^:]+:./.test(object)
  return (
    <div className="grid grid-cols-1 gap-6">
      <Filter key={`${user} ${relation} ${object}`} outline={outline} start={{ user, relation, object }} find={(f) => setParams(Object.entries(f).filter(([, v]) => v), { preventScrollReset: true })} add={add} />
      <List
        query={tuples(s.id, { user, relation, object })}
        label={t('tab.tuples')}
        rowKey={(x) => `${x.object} ${x.relation} ${x.user}`}
        columns={[
          { id: 'user', title: t('tuple.user'), cell: (x) => <bdi className="user-text font-mono text-[0.8125rem] font-medium">{x.user}</bdi> },
          { id: 'relation', title: t('tuple.relation'), cell: (x) => <Code>{x.relation}</Code> },
          { id: 'object', title: t('tuple.object'), cell: (x) => <bdi className="user-text font-mono text-[0.8125rem] font-medium">{x.object}</bdi> },
          { id: 'terms', title: t('tuple.terms'), cell: (x) => <Terms x={x} /> },
          ...(may
            ? [
                {
                  id: 'remove', title: t('version.actions'), end: true,
                  cell: (x: Tuple) => (
                    <Asking size="small" title={t('tuple.remove.title')} text={t('tuple.remove.text', { tuple: `${x.user} ${x.relation} ${x.object}` })} confirm={t('tuple.remove')} label={t('tuple.remove.of', { tuple: `${x.user} ${x.relation} ${x.object}` })} run={() => remove.mutateAsync(x)}>
                      {t('tuple.remove')}
                    </Asking>
                  ),
                },
              ]
            : []),
        ]}
        empty={
          filtered ? (
            <EmptyState icon={<Link2 aria-hidden />} title={t('tuple.none_found')} />
          ) : (
            <EmptyState icon={<Link2 aria-hidden />} title={t('tuple.none')} action={add}>
              {t('tuple.none.text')}
            </EmptyState>
          )
        }
      />
      {whole && can('cardea:authz.check') && <Holders key={object} s={s} outline={outline} object={object} />}
      {adding && <WriteTuple s={s} outline={outline} start={{ user, relation, object: whole ? object : '' }} close={() => setAdding(false)} />}
    </div>
  )
}

function Filter({ outline, start, find, add }: { outline: Outline; start: TupleFilter; find: (f: TupleFilter) => void; add: ReactNode }) {
  const t = texts.use()
  const [user, setUser] = useState(start.user)
  const [relation, setRelation] = useState(start.relation)
  const [object, setObject] = useState(start.object)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    find({ user: user.trim(), relation: relation.trim(), object: object.trim() })
  }
  return (
    <form onSubmit={submit} aria-label={t('tuple.filter')} className="flex flex-wrap items-end gap-3">
      <div className="grid min-w-0 flex-[1_1_30rem] gap-3 sm:grid-cols-3">
        <TextField label={t('tuple.user')} placeholder="user:anne" className="font-mono" dir="ltr" value={user} onChange={(e) => setUser(e.target.value)} />
        <SelectField label={t('tuple.relation')} className="font-mono" value={relation} onChange={(e) => setRelation(e.target.value)}>
          <option value="">{t('tuple.any')}</option>
          {[...new Set([...relationsOf(outline, object), ...(relation ? [relation] : [])])].map((r) => (
            <option key={r}>{r}</option>
          ))}
        </SelectField>
        <TextField label={t('tuple.object')} placeholder={t('tuple.object.example', { type: objectTypes(outline)[0] ?? 'folder' })} className="font-mono" dir="ltr" value={object} onChange={(e) => setObject(e.target.value)} />
      </div>
      <Button type="submit" look="secondary">
        {t('tuple.find')}
      </Button>
      {(start.user || start.relation || start.object) && (
        <Button look="quiet" onClick={() => find({ user: '', relation: '', object: '' })}>
          {t('tuple.all')}
        </Button>
      )}
      {add}
    </form>
  )
}

/** Under which condition a tuple counts, and until when. */
function Terms({ x }: { x: Tuple }) {
  const t = texts.use()
  const over = x.expires && Date.parse(x.expires) < Date.now()
  if (!x.condition && !x.expires) return <span className="text-muted">{t('tuple.condition.none')}</span>
  return (
    <span className="grid min-w-0 gap-1">
      {x.condition && (
        <span className="user-text">
          <Code>{x.condition.name}</Code> <bdi className="font-mono text-[0.8125rem] text-muted">{JSON.stringify(x.condition.context ?? {})}</bdi>
        </span>
      )}
      {x.expires && (over ? <span><Badge>{t('tuple.over')}</Badge></span> : <span className="text-sm text-muted">{t('tuple.until')} <Time at={x.expires} /></span>)}
    </span>
  )
}

/** Who has what on an object: for each relation whoever has it, directly or by way of others. */
function Holders({ s, outline, object }: { s: Store; outline: Outline; object: string }) {
  const t = texts.use()
  const kinds = userTypes(outline)
  const [kind, setKind] = useState(kinds[0] ?? 'user')
  const relations = outline.types.find((x) => x.name === typeOf(object))?.relations ?? []
  if (relations.length === 0) return null
  return (
    <Card
      title={t('holders.title', { object })}
      description={t('holders.text')}
      actions={
        kinds.length > 1 && (
          <SelectField label={t('holders.kind')} labelHidden value={kind} onChange={(e) => setKind(e.target.value)}>
            {kinds.map((k) => (
              <option key={k}>{k}</option>
            ))}
          </SelectField>
        )
      }
    >
      <dl className="grid gap-x-6 gap-y-4 sm:grid-cols-[max-content_minmax(0,1fr)]">
        {relations.map((r) => (
          <div key={r.name} className="contents max-sm:block">
            <dt className="pt-0.5">
              <Code>{r.name}</Code>
            </dt>
            <dd className="min-w-0 max-sm:mt-1">
              <Whoever s={s} object={object} relation={r.name} kind={kind} />
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  )
}

function Whoever({ s, object, relation, kind }: { s: Store; object: string; relation: string; kind: string }) {
  const [t, c] = [texts.use(), common.use()]
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(usersOf(s.id, object, relation, kind, {}, 20))
  if (error) return <ProblemAlert problem={error} />
  if (!data) return <Skeleton lines={1} />
  const first = data.pages[0]!
  const all = data.pages.flatMap((p) => p.items)
  const missing = [...new Set(data.pages.flatMap((p) => p.missing ?? []))]
  return (
    <span className="grid gap-1.5">
      <span className="flex flex-wrap items-center gap-1.5">
        {first.everyone && <Badge tone="accent">{t('holders.everyone', { kind })}</Badge>}
        {all.map((u) => (
          <Code key={u}>{u}</Code>
        ))}
        {!first.everyone && all.length === 0 && <span className="text-muted">{t('holders.nobody')}</span>}
        {hasNextPage && (
          <Button size="small" look="quiet" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {c('load_more')}
          </Button>
        )}
      </span>
      {missing.length > 0 && <span className="user-text text-sm text-muted">{t('holders.missing', { missing: missing.join(', ') })}</span>}
    </span>
  )
}
