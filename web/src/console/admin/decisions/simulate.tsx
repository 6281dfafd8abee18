import { FlaskConical } from 'lucide-react'
import { useState, type FormEvent, type ReactNode } from 'react'
import { useSearchParams } from 'react-router'

import { answer, api, type Schema } from '../../../api/client'
import { Button } from '../../../components/button'
import { Card, PageHeader } from '../../../components/card'
import { Choice } from '../../../components/choice'
import { SelectField, TextArea, TextField } from '../../../components/field'
import { ProblemAlert } from '../../../components/problem-alert'
import { useAct } from '../act'
import { Back } from '../parts'
import { entityOf, propertiesOf } from '../policies/case-dialog'
import { keptDraft, useDraftKey } from '../policies/draft'
import { Simulated } from './simulated'
import { asItIs, nothing, suppositionOf, tuplesOf, type Supposed } from './suppose'
import { SupposedPolicies } from './supposed-policies'
import { texts } from './texts'

type Asking = 'log' | 'question'

/** What somebody types of one question. */
const noQuestion = { subject: 'user:', action: '', resource: '', properties: '' }

/** What would be decided if something were otherwise: for the newest decisions of the log, or for one question. Nothing is written. */
export function Component() {
  const t = texts.use()
  const [params] = useSearchParams()
  const set = params.get('set') ?? ''
  const kept = keptDraft(useDraftKey(set))
  const [supposed, setSupposed] = useState<Supposed>(() => ({ ...nothing, sets: set ? [{ set, version: params.get('draft') && kept ? 0 : Number(params.get('version') ?? 0), draft: kept?.policies ?? '' }] : [] }))
  const [asking, setAsking] = useState<Asking>('log')
  const [last, setLast] = useState('100')
  const [question, setQuestion] = useState(noQuestion)
  const [tried, setTried] = useState(false)
  const change = (part: Partial<Supposed>) => setSupposed((now) => ({ ...now, ...part }))
  const simulate = useAct((body: Schema<'NewSimulation'>) => answer(api.POST('/api/decisions/simulate', { body })), { stale: [] })
  const [who, what, known] = [entityOf(question.subject), entityOf(question.resource), propertiesOf(question.properties)]
  const submit = (e: FormEvent) => {
    e.preventDefault()
    setTried(true)
    const suppose = suppositionOf(supposed)
    if (!suppose) return
    if (asking === 'log') return simulate.mutate({ suppose, last: Number(last) })
    if (!who || !what || !known) return
    simulate.mutate({ suppose, question: { subject: who, action: { name: question.action.trim() }, resource: { ...what, ...(Object.keys(known).length > 0 && { properties: known }) } } })
  }
  const ask = (name: keyof typeof question) => ({ value: question[name], onChange: (e: { target: { value: string } }) => setQuestion({ ...question, [name]: e.target.value }) })
  return (
    <>
      <Back to="/admin/decisions">{t('log.title')}</Back>
      <PageHeader title={t('simulate.title')} description={t('simulate.text')} />
      <form onSubmit={submit} className="grid grid-cols-1 gap-6">
        <Card title={t('simulate.which')}>
          <div className="grid grid-cols-1 gap-5">
            <Choice<Asking> label={t('simulate.which')} value={asking} onChange={setAsking} options={[{ value: 'log', label: t('simulate.log') }, { value: 'question', label: t('simulate.question') }]} />
            {asking === 'log' ? (
              <SelectField label={t('simulate.last')} value={last} onChange={(e) => setLast(e.target.value)} className="sm:max-w-60">
                {[20, 100, 200, 500].map((n) => (
                  <option key={n} value={n}>
                    {n}
                  </option>
                ))}
              </SelectField>
            ) : (
              <div className="grid grid-cols-1 gap-4 sm:grid-cols-3">
                <TextField label={t('subject')} required {...ask('subject')} className="font-mono" dir="ltr" error={tried && !who && t('simulate.entity')} />
                <TextField label={t('action')} required {...ask('action')} className="font-mono" dir="ltr" placeholder="invoice:delete" />
                <TextField label={t('resource')} required {...ask('resource')} className="font-mono" dir="ltr" placeholder="invoice:42" error={tried && !what && t('simulate.entity')} />
                <div className="sm:col-span-3">
                  <TextArea label={t('simulate.properties')} rows={2} {...ask('properties')} className="font-mono text-sm" dir="ltr" placeholder='{"owner": "alice"}' error={tried && !known && t('simulate.object')} />
                </div>
              </div>
            )}
          </div>
        </Card>
        <Card title={t('simulate.suppose')} description={t('simulate.suppose.text')}>
          <div className="grid grid-cols-1 gap-6">
            <SupposedPolicies sets={supposed.sets} change={(sets) => change({ sets })} />
            <Tuples label={t('simulate.roles')} hint={t('simulate.roles.hint')} example="user:bob assignee role:editor" tried={tried} write={supposed.roleWrite} remove={supposed.roleDelete} change={(roleWrite, roleDelete) => change({ roleWrite, roleDelete })} />
            <Tuples label={t('simulate.store')} hint={t('simulate.store.hint')} example="user:bob viewer folder:designs" tried={tried} write={supposed.storeWrite} remove={supposed.storeDelete} change={(storeWrite, storeDelete) => change({ storeWrite, storeDelete })}>
              <TextField label={t('simulate.model')} hint={t('simulate.model.hint')} maxLength={26} value={supposed.model} onChange={(e) => change({ model: e.target.value })} className="font-mono" dir="ltr" />
            </Tuples>
          </div>
        </Card>
        <ProblemAlert problem={simulate.error} />
        <div className="flex flex-wrap items-center justify-end gap-4">
          {asItIs(supposed) && <p className="text-sm text-muted">{t('simulate.nothing')}</p>}
          <Button type="submit" icon={<FlaskConical size={18} aria-hidden />} busy={simulate.isPending} disabled={asItIs(supposed)}>
            {t('simulate.run')}
          </Button>
        </div>
      </form>
      {simulate.data && (
        <div key={simulate.submittedAt} ref={shown} className="mt-6 scroll-mt-20">
          <Simulated found={simulate.data} ofLog={!simulate.variables?.question} />
        </div>
      )}
    </>
  )
}

/** What was found stands below a long form: it is brought into view when it has come. */
function shown(result: HTMLElement | null): void {
  result?.scrollIntoView({ block: 'start' })
}

/** Tuples that are supposed to be there, and not to be. */
function Tuples({ label, hint, example, tried, write, remove, change, children }: {
  label: string
  hint: string
  example: string
  tried: boolean
  write: string
  remove: string
  change: (write: string, remove: string) => void
  children?: ReactNode
}) {
  const t = texts.use()
  const error = (text: string) => {
    const { wrong } = tuplesOf(text)
    return tried && wrong !== undefined && t('simulate.tuple', { line: wrong })
  }
  return (
    <fieldset className="grid grid-cols-1 gap-4">
      <legend className="mb-1 font-semibold">{label}</legend>
      <p className="text-sm text-muted">{hint}</p>
      <div className="grid grid-cols-1 gap-4 sm:grid-cols-2">
        <TextArea label={t('simulate.write')} rows={2} value={write} onChange={(e) => change(e.target.value, remove)} className="font-mono text-sm" dir="ltr" placeholder={example} error={error(write)} />
        <TextArea label={t('simulate.delete')} rows={2} value={remove} onChange={(e) => change(write, e.target.value)} className="font-mono text-sm" dir="ltr" placeholder={example} error={error(remove)} />
      </div>
      {children}
    </fieldset>
  )
}
