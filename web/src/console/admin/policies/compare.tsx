import { useQuery } from '@tanstack/react-query'
import { Equal, FileClock } from 'lucide-react'

import { Badge } from '../../../components/badge'
import { EmptyState } from '../../../components/empty-state'
import { SelectField } from '../../../components/field'
import { LineDiff } from '../../../components/line-diff'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { Code, useParam } from '../parts'
import { diff, newestVersions, version, type PolicySet, type PolicyVersion } from './data'
import { casesText } from './draft'
import { texts } from './texts'

const tones = { added: 'success', removed: 'danger', changed: 'warning' } as const

/** How two versions differ: by policy, then schema and cases. */
export function Compare({ set }: { set: PolicySet }) {
  const t = texts.use()
  const { data: all, error, isPending } = useQuery(newestVersions(set.name))
  const [from, setFrom] = useParam('from')
  const [to, setTo] = useParam('to')
  if (error) return <ProblemAlert problem={error} />
  if (isPending) return <Skeleton lines={5} />
  const numbers = all.items.map((v) => v.number)
  if (numbers.length < 2) return <EmptyState icon={<FileClock aria-hidden />} title={t('compare.few')}>{t('compare.few.text')}</EmptyState>
  const known = (text: string) => numbers.find((n) => String(n) === text)
  const after = known(to) ?? numbers[0]!
  const before = known(from) ?? (set.active && set.active !== after && numbers.includes(set.active) ? set.active : (numbers[numbers.indexOf(after) + 1] ?? numbers.at(-1)!))
  const name = (n: number) => t('version.n', { number: String(n) }) + (n === set.active ? ` (${t('version.active')})` : '')
  return (
    <div className="grid grid-cols-1 gap-6">
      <div className="grid gap-4 sm:max-w-xl sm:grid-cols-2">
        {([['compare.from', before, setFrom], ['compare.to', after, setTo]] as const).map(([label, value, choose]) => (
          <SelectField key={label} label={t(label)} value={value} onChange={(e) => choose(e.target.value)}>
            {numbers.map((n) => (
              <option key={n} value={n}>
                {name(n)}
              </option>
            ))}
          </SelectField>
        ))}
      </div>
      <Differences key={`${before} ${after}`} set={set.name} before={before} after={after} />
    </div>
  )
}

function Differences({ set, before, after }: { set: string; before: number; after: number }) {
  const t = texts.use()
  const { data, error } = useQuery(diff(set, before, after))
  const { data: a, error: noA } = useQuery(version(set, before))
  const { data: b, error: noB } = useQuery(version(set, after))
  const problem = error ?? noA ?? noB
  if (problem) return <ProblemAlert problem={problem} />
  if (!data || !a || !b) return <Skeleton lines={5} />
  const texted = [['part.schema', a.schema ?? '', b.schema ?? ''], ['part.cases', casesOf(a), casesOf(b)]] as const
  const others = texted.filter(([, x, y]) => x !== y)
  if (data.items.length + others.length === 0) return <EmptyState icon={<Equal aria-hidden />} title={t('compare.same')}>{t('compare.text')}</EmptyState>
  return (
    <div className="grid grid-cols-1 gap-6">
      <p className="text-sm text-muted">{t('compare.text')}</p>
      {data.items.map((c) => (
        <section key={c.policy} className="grid grid-cols-1 gap-2">
          <h2 className="flex flex-wrap items-center gap-2 font-semibold">
            <Code>{c.policy}</Code>
            <Badge tone={tones[c.kind as keyof typeof tones]}>{t(`change.${c.kind as keyof typeof tones}`)}</Badge>
          </h2>
          <LineDiff label={t('compare.of', { what: c.policy })} before={c.before ?? ''} after={c.after ?? ''} />
        </section>
      ))}
      {others.map(([part, x, y]) => (
        <section key={part} className="grid grid-cols-1 gap-2">
          <h2 className="font-semibold">{t(part)}</h2>
          <LineDiff label={t('compare.of', { what: t(part) })} before={x} after={y} />
        </section>
      ))}
    </div>
  )
}

const casesOf = (v: PolicyVersion) => (v.cases?.length ? casesText(v.cases) : '')
