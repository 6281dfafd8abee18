import { useSuspenseQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useForm } from 'react-hook-form'
import { Link } from 'react-router'

import { accessToken, answer, api } from '../../api/client'
import { Problem } from '../../api/problem'
import { Alert } from '../../components/alert'
import { Button, buttonClasses } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { PasswordField } from '../../components/password-field'
import { ProblemAlert } from '../../components/problem-alert'
import { toast } from '../../components/toast'
import { startFlow, takeStep } from '../../flow/flow'
import { StrengthMeter, useStrength } from '../../flow/strength'
import { recoverSession } from '../../session/session'
import { wantsStepUp } from '../../session/step-up'
import { useLocale } from '../../texts/language'
import { queries } from '../queries'
import { ruleText } from '../../texts/rules'
import { useAct } from './act'
import { profile, refresh } from './data'
import { texts } from './texts'

/** Fetches what the account says about its password. */
export const loader = () => queries.ensureQueryData(profile)

interface Passwords {
  current: string
  password: string
}

/**
 * Changes the password. If the server wants a fresh proof first, the current password, which is typed here anyway,
 * is that proof; where it does not suffice the refusal stands, and the dialog asks for more.
 */
async function change(body: Passwords): Promise<void> {
  const put = () => answer(api.PUT('/account/password', { body }))
  try {
    await put()
  } catch (cause) {
    if (!wantsStepUp(cause) || !body.current) throw cause
    const flow = await startFlow({ kind: 'step_up' })
    if (!flow.steps?.some((s) => s.step === 'password')) throw cause
    await takeStep(flow, 'password', { password: body.current })
    await put()
  }
}

const stolenFor = 30 * 86_400_000 // milliseconds for which a theft is news

/** How one signs in: the password, and what to look at when something seems wrong. */
export function Component() {
  const [t, locale] = [texts.use(), useLocale()]
  const { data: user } = useSuspenseQuery(profile)
  const date = (at: string) => new Date(at).toLocaleDateString(locale, { dateStyle: 'long' })
  const stolen = user.flagged && Date.now() - Date.parse(user.flagged) < stolenFor
  return (
    <>
      <PageHeader title={t('security.title')} description={t('security.text')} />
      <div className="grid gap-6">
        {stolen && (
          <Alert tone="warning" title={t('security.stolen')}>
            {t('security.stolen.text', { date: date(user.flagged!) })}
          </Alert>
        )}
        <PasswordCard
          email={user.email ?? ''}
          name={user.name ?? ''}
          description={user.password_at ? t('security.changed', { date: date(user.password_at) }) : t('security.changed.never')}
        />
        <Card title={t('security.doubt')} description={t('security.doubt.text')}>
          <div className="flex flex-wrap gap-3">
            <Link to="/account/devices" className={buttonClasses('secondary')}>
              {t('security.doubt.devices')}
            </Link>
            <Link to="/account/activity" className={buttonClasses('secondary')}>
              {t('security.doubt.activity')}
            </Link>
          </div>
        </Card>
      </div>
    </>
  )
}

function PasswordCard({ email, name, description }: { email: string; name: string; description: string }) {
  const t = texts.use()
  const { register, handleSubmit, formState, reset, watch, setFocus } = useForm<Passwords>({ defaultValues: { current: '', password: '' } })
  const strength = useStrength(watch('password'), [email, name])
  const [ended, setEnded] = useState(false)
  const save = useAct(change, () => {
    reset()
    setEnded(true)
    accessToken.drop() // it belonged to the session before
    toast(t('security.done'))
    void refresh('profile', 'sessions')
    void recoverSession().catch(() => undefined)
  })
  const problem = save.error instanceof Problem ? save.error : undefined
  const wrong = problem && (problem.code === 'invalid_credentials' || problem.fields.has('/current'))
  const broken = problem?.fields.get('/password')
  const refused = broken && ruleText(broken)
  const submit = handleSubmit((values) =>
    save.mutate(values, { onError: (cause) => setFocus(cause instanceof Problem && cause.fields.has('/password') ? 'password' : 'current') }),
  )
  return (
    <form noValidate onSubmit={(e) => void submit(e)}>
      <Card
        title={t('security.password')}
        description={description}
        footer={
          <Button type="submit" busy={save.isPending}>
            {t('security.change')}
          </Button>
        }
      >
        <div className="grid gap-5">
          {ended && !formState.isDirty && <Alert tone="success">{t('security.done.text')}</Alert>}
          {!wrong && !refused && <ProblemAlert problem={save.error} />}
          <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
          <PasswordField
            label={t('security.current')}
            autoComplete="current-password"
            error={wrong ? t('security.current.wrong') : formState.errors.current && t('security.current.empty')}
            {...register('current', { required: true })}
          />
          <div className="flex flex-col gap-2">
            <PasswordField
              label={t('security.new')}
              autoComplete="new-password"
              error={refused ?? (formState.errors.password && t('security.new.empty'))}
              {...register('password', { required: true })}
            />
            <StrengthMeter strength={strength} />
          </div>
          <p className="text-sm text-muted">{t('security.others')}</p>
        </div>
      </Card>
    </form>
  )
}
