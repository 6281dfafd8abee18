import { valibotResolver } from '@hookform/resolvers/valibot'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useForm } from 'react-hook-form'
import * as v from 'valibot'

import { answer, api, type Schema } from '../../api/client'
import { Problem } from '../../api/problem'
import { Alert } from '../../components/alert'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, Facts, PageHeader } from '../../components/card'
import { CopyField } from '../../components/copy-field'
import { SelectField, TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { toast } from '../../components/toast'
import { recoverSession } from '../../session/session'
import { rich } from '../../texts/catalogue'
import { common } from '../../texts/common'
import { languages, useLocale } from '../../texts/language'
import { queries } from '../queries'
import { ruleText } from '../../texts/rules'
import { useAct } from './act'
import { profile } from './data'
import { texts } from './texts'

// The pattern of a page: what it asks for, a loader that has it before the page shows, and a component.

/** Fetches the profile before the page is shown. */
export const loader = () => queries.ensureQueryData(profile)

/** Who one is here: name, language, address. */
export function Component() {
  const [t, locale] = [texts.use(), useLocale()]
  const { data: user } = useSuspenseQuery(profile)
  return (
    <>
      <PageHeader title={t('profile.title')} description={t('profile.text')} />
      <div className="grid gap-6">
        <AboutYou user={user} />
        <Email user={user} />
        <Card title={t('profile.account')}>
          <div className="grid gap-5">
            <Facts items={[[t('profile.created'), new Date(user.created).toLocaleDateString(locale, { dateStyle: 'long' })]]} />
            <CopyField label={t('profile.id')} hint={t('profile.id.hint')} value={user.id} />
          </div>
        </Card>
      </div>
    </>
  )
}

const About = v.object({ name: v.pipe(v.string(), v.trim(), v.maxLength(200)), locale: v.string() })

function AboutYou({ user }: { user: Schema<'User'> }) {
  const [t, c] = [texts.use(), common.use()]
  const { register, handleSubmit, formState, reset } = useForm({
    resolver: valibotResolver(About),
    defaultValues: { name: user.name ?? '', locale: user.locale ?? '' },
  })
  const save = useAct(
    (body: v.InferOutput<typeof About>) => answer(api.PATCH('/account/profile', { body })),
    (saved) => {
      queries.setQueryData(profile.queryKey, saved)
      reset({ name: saved.name ?? '', locale: saved.locale ?? '' })
      toast(c('saved'))
      void recoverSession().catch(() => undefined) // the frame shows the name
    },
  )
  return (
    <form onSubmit={(e) => void handleSubmit((values) => save.mutate(values))(e)}>
      <Card
        title={t('profile.about')}
        footer={
          <Button type="submit" busy={save.isPending} disabled={!formState.isDirty}>
            {c('save')}
          </Button>
        }
      >
        <div className="grid gap-5">
          <ProblemAlert problem={save.error} />
          <TextField label={t('profile.name')} autoComplete="name" error={formState.errors.name && t('profile.name.long')} {...register('name')} />
          <SelectField label={t('profile.locale')} hint={t('profile.locale.hint')} {...register('locale')}>
            <option value="">{t('profile.locale.none')}</option>
            {Object.entries(languages).map(([tag, name]) => (
              <option key={tag} value={tag} lang={tag}>
                {name}
              </option>
            ))}
            {user.locale && !(user.locale in languages) && <option value={user.locale}>{user.locale}</option>}
          </SelectField>
        </div>
      </Card>
    </form>
  )
}

const NewAddress = v.object({ email: v.pipe(v.string(), v.trim(), v.email()) })

/** The address, and how it is changed: by a link that is mailed to the new one. */
function Email({ user }: { user: Schema<'User'> }) {
  const [t, c] = [texts.use(), common.use()]
  const [changing, setChanging] = useState(false)
  const [mailed, setMailed] = useState('')
  const change = useRef<HTMLButtonElement>(null)
  const { register, handleSubmit, formState, reset, setFocus } = useForm({ resolver: valibotResolver(NewAddress), defaultValues: { email: '' } })
  const send = useAct(
    (body: v.InferOutput<typeof NewAddress>) => answer(api.PUT('/account/email', { body })),
    (_, { email }) => {
      setMailed(email)
      setChanging(false)
    },
  )
  useEffect(() => {
    if (changing) setFocus('email')
  }, [changing, setFocus])
  const cancel = () => {
    setChanging(false)
    reset()
    send.reset()
    requestAnimationFrame(() => change.current?.focus())
  }
  const broken = send.error instanceof Problem ? send.error.fields.get('/email') : undefined
  const refused = broken && ruleText(broken)
  return (
    <Card
      title={t('email.title')}
      description={t('email.text')}
      actions={
        !changing && (
          <Button ref={change} look="secondary" size="small" onClick={() => setChanging(true)}>
            {t('email.change')}
          </Button>
        )
      }
    >
      <div className="grid gap-5">
        <p className="flex flex-wrap items-center gap-2">
          <bdi className="font-medium">{user.email ?? '–'}</bdi>
          <Badge tone={user.email_verified ? 'success' : 'warning'}>{user.email_verified ? t('profile.verified') : t('profile.unverified')}</Badge>
        </p>
        {mailed && !changing && (
          <Alert tone="success" title={t('email.mailed')}>
            {rich(t('email.mailed.text'), { address: <bdi className="font-semibold">{mailed}</bdi> })}
          </Alert>
        )}
        {changing && (
          <form noValidate className="grid gap-5 border-t border-line pt-5" onSubmit={(e) => void handleSubmit((values) => send.mutate(values))(e)}>
            {!refused && <ProblemAlert problem={send.error} />}
            <TextField
              type="email"
              label={t('email.new')}
              hint={t('email.new.hint')}
              autoComplete="email"
              inputMode="email"
              autoCapitalize="none"
              spellCheck={false}
              error={formState.errors.email ? t('email.new.wrong') : refused}
              {...register('email')}
            />
            <div className="flex flex-wrap justify-end gap-3">
              <Button look="secondary" onClick={cancel}>
                {c('cancel')}
              </Button>
              <Button type="submit" busy={send.isPending}>
                {t('email.send')}
              </Button>
            </div>
          </form>
        )}
      </div>
    </Card>
  )
}
