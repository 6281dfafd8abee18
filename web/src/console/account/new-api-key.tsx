import { valibotResolver } from '@hookform/resolvers/valibot'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useForm } from 'react-hook-form'
import { Link, useBlocker } from 'react-router'
import * as v from 'valibot'

import { answer, api, type Schema } from '../../api/client'
import { site } from '../../api/site'
import { Alert } from '../../components/alert'
import { Button, buttonClasses } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { Checkbox } from '../../components/checkbox'
import { CodeBlock } from '../../components/code-block'
import { CopyField } from '../../components/copy-field'
import { SelectField, TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { useSession } from '../../session/session'
import { common } from '../../texts/common'
import { useLanguage } from '../../texts/language'
import { queries } from '../queries'
import { useAct } from './act'
import { refresh, scopes } from './data'
import { texts } from './texts'

/** Fetches the scopes before the page is shown. */
export const loader = () => queries.ensureQueryData(scopes)

const day = 86_400 // seconds
const lives = [7, 30, 90, 365]

const Form = v.object({ name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100)), days: v.string(), scopes: v.array(v.string()) })

/** Makes an API key and shows its secret this one time. */
export function Component() {
  const t = texts.use()
  const make = useAct(
    ({ name, days, scopes }: v.InferOutput<typeof Form>) => answer(api.POST('/account/apikeys', { body: { name, scopes, life: Number(days) * day } })),
    () => refresh('apikeys'),
  )
  return (
    <>
      <PageHeader title={make.data ? t('keys.made.title') : t('keys.new')} description={make.data ? undefined : t('keys.new.text')} />
      {make.data ? <Secret made={make.data} /> : <NewKey busy={make.isPending} problem={make.error} onMake={(values) => make.mutate(values)} />}
    </>
  )
}

function NewKey({ busy, problem, onMake }: { busy: boolean; problem: unknown; onMake: (values: v.InferOutput<typeof Form>) => void }) {
  const [t, c, lang, session] = [texts.use(), common.use(), useLanguage(), useSession()]
  const { data } = useSuspenseQuery(scopes)
  const { register, handleSubmit, formState } = useForm({ resolver: valibotResolver(Form), defaultValues: { name: '', days: '90', scopes: [] } })
  // Whoever may administer nothing gains nothing by the scope of administrators.
  const administers = session.state === 'authenticated' && session.permissions.size > 0
  const offered = data.items.filter((s) => s.name !== 'cardea:admin' || administers)
  const days = (n: number) => new Intl.NumberFormat(lang, { style: 'unit', unit: 'day', unitDisplay: 'long' }).format(n)
  return (
    <form onSubmit={(e) => void handleSubmit(onMake)(e)}>
      <Card
        footer={
          <>
            <Link to="/account/keys" className={buttonClasses('secondary')}>
              {c('cancel')}
            </Link>
            <Button type="submit" busy={busy}>
              {t('keys.make')}
            </Button>
          </>
        }
      >
        <div className="grid gap-6">
          <ProblemAlert problem={problem} />
          <TextField label={t('keys.name')} hint={t('keys.name.hint')} autoComplete="off" error={formState.errors.name && t('keys.name.wrong')} {...register('name')} />
          <SelectField label={t('keys.life')} hint={t('keys.life.hint')} {...register('days')}>
            {lives.map((n) => (
              <option key={n} value={n}>
                {days(n)}
              </option>
            ))}
          </SelectField>
          <fieldset className="grid gap-3">
            <legend className="mb-1 text-sm font-medium">{t('keys.scopes')}</legend>
            <p className="-mt-1.5 text-sm text-muted">{t('keys.scopes.hint')}</p>
            {offered.map((s) => (
              <Checkbox key={s.name} value={s.name} label={<span className="inline-block first-letter:uppercase">{s.words || s.name}</span>} hint={<span className="font-mono text-xs">{s.name}</span>} {...register('scopes')} />
            ))}
          </fieldset>
        </div>
      </Card>
    </form>
  )
}

/** Shows a key that was just made, this once, and keeps whoever leaves by mistake from losing it. */
export function Secret({ made, onStored }: { made: Schema<'CreatedAPIKey'>; onStored?: () => void }) {
  const t = texts.use()
  const field = useRef<HTMLDivElement>(null)
  const stored = useRef(false)
  useEffect(() => field.current?.querySelector('input')?.focus(), [])
  // Leaving by mistake would lose it for good.
  const blocker = useBlocker(() => !stored.current)
  return (
    <Card
      footer={
        <Link to="/account/keys" className={buttonClasses()} onClick={() => ((stored.current = true), onStored?.())}>
          {t('keys.stored')}
        </Link>
      }
    >
      <div ref={field} className="grid gap-6">
        {blocker.state === 'blocked' ? (
          <Alert
            tone="danger"
            title={t('keys.leave')}
            actions={
              <>
                <Button size="small" look="secondary" onClick={() => blocker.reset()}>
                  {t('keys.leave.stay')}
                </Button>
                <Button size="small" look="danger" onClick={() => blocker.proceed()}>
                  {t('keys.leave.go')}
                </Button>
              </>
            }
          />
        ) : (
          <Alert tone="warning" title={t('keys.once')}>
            {t('keys.once.text')}
          </Alert>
        )}
        <CopyField label={made.key.name} value={made.secret} />
        <div className="grid gap-2">
          <p className="text-sm font-medium">{t('keys.try')}</p>
          <CodeBlock label={t('keys.try')}>{`curl -H "X-API-Key: ${made.secret}" \\\n  ${location.origin}${site.base}/session`}</CodeBlock>
        </div>
      </div>
    </Card>
  )
}
