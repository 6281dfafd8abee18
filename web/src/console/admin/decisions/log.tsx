import { useQuery } from '@tanstack/react-query'
import { FlaskConical, History, Settings2 } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { Link, useSearchParams } from 'react-router'

import { Alert } from '../../../components/alert'
import { Button, buttonClasses } from '../../../components/button'
import { PageHeader } from '../../../components/card'
import { Combobox, type Choice } from '../../../components/combobox'
import { EmptyState } from '../../../components/empty-state'
import { SelectField, TextField } from '../../../components/field'
import { useCan } from '../../../session/session'
import { List } from '../list'
import { Time } from '../names'
import { decisions, findSubjects, logSettings, type DecisionFilter } from './data'
import { LogDialog, percent } from './log-dialog'
import { Asked, ReasonText, Verdict } from './reason'
import { texts } from './texts'

/** The filter in the address of the page. */
function filterOf(params: URLSearchParams): DecisionFilter {
  const filter: DecisionFilter = {}
  for (const name of ['subject', 'action', 'resource'] as const) if (params.get(name)) filter[name] = params.get(name)!
  const outcome = params.get('outcome')
  if (outcome === 'allowed' || outcome === 'denied') filter.decision = outcome === 'allowed'
  for (const name of ['from', 'until'] as const) {
    const at = new Date(params.get(name) ?? '')
    if (!Number.isNaN(at.getTime())) filter[name] = at.toISOString()
  }
  return filter
}

/** The decisions that were kept, the newest first, and which are kept at all. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const [params] = useSearchParams()
  const [setting, setSetting] = useState(false)
  const { data: log } = useQuery({ ...logSettings, enabled: can('cardea:plan.read') })
  const filter = filterOf(params)
  const off = log && !log.share
  const set = can('cardea:plan.write') && log && (
    <Button look={off ? 'primary' : 'secondary'} icon={<Settings2 size={18} aria-hidden />} onClick={() => setSetting(true)}>
      {off ? t('log.turn_on') : t('log.settings')}
    </Button>
  )
  return (
    <>
      <PageHeader
        title={t('log.title')}
        description={t('log.text')}
        actions={
          <>
            {!off && set}
            {can('cardea:decision.simulate') && (
              <Link to="/admin/decisions/simulate" className={buttonClasses()}>
                <FlaskConical size={18} aria-hidden />
                {t('simulate')}
              </Link>
            )}
          </>
        }
      />
      {log && (
        <div className="mb-5">
          {off ? (
            <Alert title={t('log.off')} actions={set}>
              {t('log.off.text')}
            </Alert>
          ) : (
            <p className="text-sm text-muted">{t('log.on', { share: percent(log.share ?? 0), count: log.days ?? 1 })}</p>
          )}
        </div>
      )}
      <Filters key={params.toString()} />
      <List
        query={decisions(filter)}
        label={t('log.title')}
        rowKey={(d) => d.id}
        columns={[
          { id: 'outcome', title: t('outcome'), cell: (d) => <Verdict allowed={d.answer.decision} /> },
          {
            id: 'question', title: t('question'),
            cell: (d) => (
              <div className="grid gap-1">
                <Asked question={d.question} />
                {d.answer.reasons[0] && <span className="user-text text-muted"><ReasonText reason={d.answer.reasons[0]} question={d.question} /></span>}
              </div>
            ),
          },
          {
            id: 'at', title: t('at'), end: true,
            cell: (d) => (
              <Link to={`/admin/decisions/${d.id}`} className="font-medium text-accent underline-offset-3 hover:underline">
                <Time at={d.at} />
              </Link>
            ),
          },
        ]}
        empty={
          <EmptyState icon={<History aria-hidden />} title={t('log.none')}>
            {Object.keys(filter).length > 0 ? t('log.none.filtered') : !off && t('log.none.text')}
          </EmptyState>
        }
      />
      {setting && log && <LogDialog start={log} close={() => setSetting(false)} />}
    </>
  )
}

function Filters() {
  const t = texts.use()
  const [params, setParams] = useSearchParams()
  const had = params.get('subject')
  const [who, setWho] = useState<Choice | null>(had ? { value: had, label: had } : null)
  const [values, setValues] = useState({ outcome: params.get('outcome') ?? '', action: params.get('action') ?? '', resource: params.get('resource') ?? '', from: params.get('from') ?? '', until: params.get('until') ?? '' })
  const field = (name: keyof typeof values) => ({ value: values[name], onChange: (e: { target: { value: string } }) => setValues({ ...values, [name]: e.target.value }) })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    const next = { ...values, subject: who?.value ?? '' }
    setParams(Object.entries(next).map(([k, v]): [string, string] => [k, v.trim()]).filter(([, v]) => v))
  }
  return (
    <form onSubmit={submit} className="mb-5 grid grid-cols-1 items-end gap-4 rounded-card border border-line bg-surface p-4 sm:grid-cols-3">
      <SelectField label={t('outcome')} {...field('outcome')}>
        <option value="">{t('outcome.any')}</option>
        <option value="allowed">{t('allowed')}</option>
        <option value="denied">{t('denied')}</option>
      </SelectField>
      <Combobox label={t('subject')} placeholder={t('subject.any')} value={who} onChange={setWho} find={findSubjects} empty={t('subject.none')} />
      <TextField label={t('action')} {...field('action')} className="font-mono" dir="ltr" placeholder={t('action.any')} />
      <TextField label={t('resource')} {...field('resource')} className="font-mono" dir="ltr" placeholder="invoice, invoice:42" />
      <TextField label={t('from')} type="datetime-local" {...field('from')} />
      <TextField label={t('until')} type="datetime-local" {...field('until')} />
      <div className="flex flex-wrap justify-end gap-3 sm:col-span-3">
        {params.size > 0 && (
          <Button look="quiet" onClick={() => setParams({})}>
            {t('filter.clear')}
          </Button>
        )}
        <Button type="submit" look="secondary">
          {t('filter')}
        </Button>
      </div>
    </form>
  )
}
