import { useQuery } from '@tanstack/react-query'
import { Ban, CircleCheck } from 'lucide-react'
import { useId, type ReactNode } from 'react'

import { answer, api, type Schema } from '../../../api/client'
import { Button } from '../../../components/button'
import { classes } from '../../../components/classes'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { rich } from '../../../texts/catalogue'
import { useLocale } from '../../../texts/language'
import { useAct } from '../act'
import { Asking } from '../parts'
import type { Question, Store, Terms, Tuple } from './data'
import { treeOf } from './proof'
import { ProofTree } from './proof-tree'
import { useCanHere } from './powers'
import { texts } from './texts'

type Explained = Schema<'StoreExplanation'>
type Remedy = Schema<'StoreRemedy'>

/** Asks why, or only whether, where the tuples may not be read. */
function ask(id: string, q: Question, terms: Terms, why: boolean): Promise<Partial<Explained> & Schema<'StoreAnswer'>> {
  const [params, body] = [{ path: { store: id } }, { user: q.user, relation: q.relation, object: q.object, ...terms }]
  return why ? answer(api.POST('/api/stores/{store}/explain', { params, body })) : answer(api.POST('/api/stores/{store}/check', { params, body }))
}

/** An answer in one sentence, then the tuples that prove it as a graph, or what would have to change. */
export function Answered({ s, q, terms, title, suppose }: { s: Store; q: Question; terms: Terms; title?: string; suppose: (write: Tuple[], remove: Tuple[]) => void }) {
  const [t, can] = [texts.use(), useCanHere()]
  const heading = useId()
  const why = can('cardea:authz.tuple.read')
  const { data, error } = useQuery({ queryKey: ['admin', 'tuples', s.id, 'answer', q, terms, why], queryFn: () => ask(s.id, q, terms, why), staleTime: 0 })
  if (error) return <ProblemAlert problem={error} {...(title ? { title } : {})} />
  if (!data) return <Skeleton />
  const Icon = data.allowed ? CircleCheck : Ban
  return (
    <section aria-labelledby={heading} aria-live="polite" className={classes('min-w-0 overflow-hidden rounded-card border bg-surface', data.allowed ? 'border-success' : 'border-danger')}>
      <div className={classes('flex gap-4 p-5 sm:p-6', data.allowed ? 'bg-success-soft' : 'bg-danger-soft')}>
        <Icon size={28} aria-hidden className={classes('shrink-0', data.allowed ? 'text-success' : 'text-danger')} />
        <div className="min-w-0">
          {title && <p className="text-sm font-medium">{title}</p>}
          <h2 id={heading} className={classes('text-title', data.allowed ? 'text-success' : 'text-danger')}>
            {t(data.allowed ? 'answer.allowed' : 'answer.denied')}
          </h2>
          <p className="user-text mt-1 text-lg">
            <Sentence q={q} e={data} why={why} />
          </p>
        </div>
      </div>
      <div className="grid grid-cols-1 gap-5 p-5 sm:p-6">
        {data.path && data.path.length > 0 && (
          <div className="min-w-0">
            <h3 className="mb-3 text-sm font-semibold text-muted">{t('answer.path')}</h3>
            <ProofTree roots={treeOf(q.object, data.path)} who={q.user} label={t('answer.path')} />
          </div>
        )}
        {data.missing && data.missing.length > 0 && (
          <div>
            <h3 className="mb-2 text-sm font-semibold text-muted">{t('answer.missing')}</h3>
            <ul className="flex flex-wrap gap-2">
              {data.missing.map((m) => (
                <li key={m} className="user-text rounded-full bg-warning-soft px-2.5 py-0.5 font-mono text-sm text-warning">
                  {m}
                </li>
              ))}
            </ul>
          </div>
        )}
        {data.remedies && data.remedies.length > 0 && (
          <div className="min-w-0">
            <h3 className="mb-2 text-sm font-semibold text-muted">{t('answer.remedies')}</h3>
            <ul className="grid gap-3">
              {data.remedies.map((r, i) => (
                <Change key={i} s={s} r={r} suppose={suppose} />
              ))}
            </ul>
            {data.truncated && <p className="mt-2 text-sm text-muted">{t('answer.truncated')}</p>}
          </div>
        )}
        <p className="user-text text-sm text-muted">{data.model ? t('answer.basis', { model: data.model, revision: data.revision }) : t('answer.basis.draft', { revision: data.revision })}</p>
      </div>
    </section>
  )
}

/** Texts in a row, as the language joins them. */
function And({ children }: { children: ReactNode[] }) {
  const parts = new Intl.ListFormat(useLocale()).formatToParts(children.map((_, i) => String(i)))
  return parts.map((p, i) => <span key={i}>{p.type === 'element' ? children[Number(p.value)] : p.value}</span>)
}

function Fact({ x, how }: { x: Pick<Tuple, 'user' | 'relation' | 'object'>; how: 'is' | 'is_not' | 'were' | 'were_not' }) {
  const t = texts.use()
  const [type, id] = [x.user.slice(0, x.user.indexOf(':')), x.user.slice(x.user.indexOf(':') + 1)]
  return <>{rich(t(`fact.${how}`), { user: id === '*' ? <bdi>{t('fact.every', { type })}</bdi> : <bdi>{x.user}</bdi>, relation: <bdi>{x.relation}</bdi>, object: <bdi>{x.object}</bdi> })}</>
}

function Sentence({ q, e, why }: { q: Question; e: Partial<Explained> & Schema<'StoreAnswer'>; why: boolean }) {
  const t = texts.use()
  const path = e.path ?? []
  if (e.allowed) {
    const asked = <Fact x={q} how="is" />
    if (!why) return <>{asked}.</>
    if (path.length === 0) return <>{rich(t('sentence.self'), { asked })}</>
    if (path.length === 1 && path[0]!.user === q.user && path[0]!.relation === q.relation && path[0]!.object === q.object) return <>{rich(t('sentence.direct'), { asked })}</>
    return <>{rich(t('sentence.because'), { asked, facts: <And>{path.map((x, i) => <Fact key={i} x={x} how="is" />)}</And> })}</>
  }
  const asked = <Fact x={q} how="is_not" />
  if (e.missing && e.missing.length > 0) return <>{rich(t('sentence.missing'), { asked, missing: <And>{e.missing.map((m) => <bdi key={m}>{m}</bdi>)}</And> })}</>
  const remedy = e.remedies?.[0]
  if (remedy) return <>{rich(t('sentence.remedy'), { asked, facts: <And>{pieces(remedy)}</And> })}</>
  return why ? <>{rich(t('sentence.nothing'), { asked })}</> : <>{asked}.</>
}

function pieces(r: Remedy): ReactNode[] {
  return [
    ...(r.write ?? []).map((x, i) => <Fact key={`w${i}`} x={x} how="were" />),
    ...(r.delete ?? []).map((x, i) => <Fact key={`d${i}`} x={x} how="were_not" />),
    ...(r.meet ?? []).map((u, i) => <Met key={`m${i}`} name={u.tuple.condition?.name ?? ''} missing={u.missing ?? []} />),
  ]
}

function Met({ name, missing }: { name: string; missing: readonly string[] }) {
  const t = texts.use()
  return <>{rich(t(missing.length > 0 ? 'fact.condition.lacks' : 'fact.condition'), { condition: <bdi>{name}</bdi>, missing: <bdi>{missing.join(', ')}</bdi> })}</>
}

/** A set of changes that would allow it: to be tried, or written where somebody may. */
function Change({ s, r, suppose }: { s: Store; r: Remedy; suppose: (write: Tuple[], remove: Tuple[]) => void }) {
  const [t, can] = [texts.use(), useCanHere()]
  const write = useAct(() => answer(api.POST('/api/stores/{store}/tuples', { params: { path: { store: s.id } }, body: { tuples: r.write ?? [] } })), { stale: ['tuples'], done: t('tuple.written') })
  const [writes, removes] = [r.write ?? [], r.delete ?? []]
  const line = (x: Tuple) => `${x.user} ${x.relation} ${x.object}`
  return (
    <li className="grid min-w-0 gap-3 rounded-control border border-line p-3.5">
      <ul className="grid gap-1 font-mono text-[0.8125rem]">
        {writes.map((x, i) => (
          <li key={`w${i}`} className="user-text text-success">
            + <span className="sr-only">{t('answer.write')}: </span>
            {line(x)}
          </li>
        ))}
        {removes.map((x, i) => (
          <li key={`d${i}`} className="user-text text-danger">
            − <span className="sr-only">{t('answer.delete')}: </span>
            {line(x)}
          </li>
        ))}
        {(r.meet ?? []).map((u, i) => (
          <li key={`m${i}`} className="user-text font-sans text-sm">
            <Met name={u.tuple.condition?.name ?? ''} missing={u.missing ?? []} />
          </li>
        ))}
      </ul>
      {(writes.length > 0 || removes.length > 0) && (
        <div className="flex flex-wrap gap-2">
          <Button size="small" look="secondary" onClick={() => suppose(writes, removes)}>
            {t('answer.try')}
          </Button>
          {can('cardea:authz.tuple.write') && removes.length === 0 && !r.meet?.length && (
            <Asking size="small" look="primary" title={t('answer.write.title')} text={writes.map(line).join('; ')} confirm={t('tuple.write')} run={() => write.mutateAsync()}>
              {t('answer.write.do')}
            </Asking>
          )}
        </div>
      )}
    </li>
  )
}
