import { valibotResolver } from '@hookform/resolvers/valibot'
import { queryOptions, useMutation, useSuspenseQuery } from '@tanstack/react-query'
import { useForm } from 'react-hook-form'
import * as v from 'valibot'

import { answer, api } from '../../api/client'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, Facts, PageHeader } from '../../components/card'
import { CopyField } from '../../components/copy-field'
import { SelectField, TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { toast } from '../../components/toast'
import { recoverSession } from '../../session/session'
import { common } from '../../texts/common'
import { languages, useLanguage } from '../../texts/language'
import { queries } from '../queries'
import { texts } from './texts'

// The pattern of a page: what it asks for, a loader that has it before the page shows, and a component.

const profile = queryOptions({ queryKey: ['account', 'profile'], queryFn: () => answer(api.GET('/account/profile')) })

/** Fetches the profile before the page is shown. */
export const loader = () => queries.ensureQueryData(profile)

const Form = v.object({ name: v.pipe(v.string(), v.trim(), v.maxLength(200)), locale: v.string() })

/** Name, language and address of the account. */
export function Component() {
  const [t, c, lang] = [texts.use(), common.use(), useLanguage()]
  const { data: user } = useSuspenseQuery(profile)
  const { register, handleSubmit, formState, reset } = useForm({
    resolver: valibotResolver(Form),
    defaultValues: { name: user.name ?? '', locale: user.locale ?? '' },
  })
  const save = useMutation({
    mutationFn: (body: v.InferOutput<typeof Form>) => answer(api.PATCH('/account/profile', { body })),
    onSuccess: (saved) => {
      queries.setQueryData(profile.queryKey, saved)
      reset({ name: saved.name ?? '', locale: saved.locale ?? '' })
      toast(c('saved'))
      void recoverSession().catch(() => undefined) // the frame shows the name
    },
  })
  const date = (at: string) => new Date(at).toLocaleDateString(lang, { dateStyle: 'long' })

  return (
    <>
      <PageHeader title={t('profile.title')} description={t('profile.text')} />
      <div className="grid gap-6">
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
        <Card title={t('profile.account')}>
          <div className="grid gap-5">
            <Facts
              items={[
                [
                  t('profile.email'),
                  <span className="flex flex-wrap items-center gap-2">
                    <bdi>{user.email ?? '–'}</bdi>
                    <Badge tone={user.email_verified ? 'success' : 'warning'}>{user.email_verified ? t('profile.verified') : t('profile.unverified')}</Badge>
                  </span>,
                ],
                [t('profile.created'), date(user.created)],
              ]}
            />
            <CopyField label={t('profile.id')} hint={t('profile.id.hint')} value={user.id} />
          </div>
        </Card>
      </div>
    </>
  )
}
