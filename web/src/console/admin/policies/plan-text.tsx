import { useQuery } from '@tanstack/react-query'
import { Fragment, type ReactNode } from 'react'
import { Link } from 'react-router'

import { useCan } from '../../../session/session'
import { rich } from '../../../texts/catalogue'
import { useLanguage } from '../../../texts/language'
import { linkClasses } from '../names'
import { Code } from '../parts'
import { stores, type Plan } from './data'
import { texts } from './texts'

/** Several things in one sentence, as the language puts them together. */
function Listed({ of, type }: { of: readonly ReactNode[]; type: 'conjunction' | 'disjunction' }) {
  const lang = useLanguage()
  const parts = new Intl.ListFormat(lang, { type }).formatToParts(of.map((_, i) => String(i)))
  return parts.map((p, i) => <Fragment key={i}>{p.type === 'element' ? of[Number(p.value)] : p.value}</Fragment>)
}

/** What a plan does, in words. */
export function PlanText({ plan }: { plan: Omit<Plan, 'type'> & { type: string } }) {
  const [t, can] = [texts.use(), useCan()]
  const { data } = useQuery({ ...stores, enabled: !!plan.store && can('cardea:authz.store.read') })
  const sets = (plan.policies ?? []).map((name) => (
    <Link key={name} to={`/admin/policies/${name}`} className={linkClasses}>
      {name}
    </Link>
  ))
  const store = <b className="user-text font-medium">{data?.items.find((s) => s.id === plan.store)?.name ?? plan.store}</b>
  const relations = Object.entries(plan.relations ?? {})
  const engines: ReactNode[] = []
  if (plan.roles) engines.push(t('plan.by_role'))
  if (sets.length) engines.push(rich(t('plan.by_policies'), { sets: <Listed of={sets} type="disjunction" /> }))
  if (plan.store) engines.push(rich(t('plan.by_store'), { store }))
  for (const name of plan.points ?? []) engines.push(rich(t('plan.by_point'), { point: <b className="user-text font-medium">{name}</b> }))
  if (engines.length === 0) return t('plan.nobody')
  return (
    <span className="[&>*]:inline">
      {rich(plan.type === '*' ? t('plan.allows_others') : t('plan.allows'), { type: <Code>{plan.type}</Code>, engines: <Listed of={engines} type="disjunction" /> })}{' '}
      {sets.length > 0 && <>{rich(t('plan.forbids'), { sets: <Listed of={sets} type="disjunction" /> })} </>}
      {relations.length > 0 && rich(t('plan.relations'), { relations: <Listed type="conjunction" of={relations.map(([action, relation]) => <>{rich(t('plan.relation'), { action: <Code>{action}</Code>, relation: <Code>{relation}</Code> })}</>)} /> })}
    </span>
  )
}
