import { useInfiniteQuery } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { useNavigate } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Problem } from '../../api/problem'
import { Alert } from '../../components/alert'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { Checkbox } from '../../components/checkbox'
import { classes } from '../../components/classes'
import { CopyField } from '../../components/copy-field'
import { TextArea, TextField, useFirstWrong } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { ruleText } from '../../texts/rules'
import { useAct } from './act'
import { typeIcons, type ClientType } from './applications'
import { scopes } from './data'
import { Back, linesOf, some } from './parts'
import { Snippets } from './snippet-view'
import { texts } from './texts'

const standard = ['openid', 'profile', 'email', 'offline_access']

/** What is wrong with a member of what was sent, such as /redirect_uris/0. */
export function fieldError(problem: unknown, pointer: string): string | undefined {
  if (!(problem instanceof Problem)) return undefined
  for (const [at, broken] of problem.fields) if (at === pointer || at.startsWith(pointer + '/')) return ruleText(broken)
  return undefined
}

/** Registers an application: its type, then only what that type needs, then what to put into the program. */
export function Component() {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const navigate = useNavigate()
  const [type, setType] = useState<ClientType>()
  const [name, setName] = useState('')
  const [redirects, setRedirects] = useState('')
  const [logouts, setLogouts] = useState('')
  const [picked, setPicked] = useState<readonly string[]>(['openid', 'profile', 'email'])
  const [audience, setAudience] = useState('')
  const [made, setMade] = useState<Schema<'CreatedClient'>>()
  const { data: declared } = useInfiniteQuery({ ...scopes, enabled: can('cardea:scope.read') })
  const register = useAct((body: Schema<'NewClient'>) => answer(api.POST('/api/clients', { body })), {
    stale: ['clients'], done: t('apps.added'),
    then: (client) => {
      setMade(client)
      scrollTo(0, 0)
    },
  })
  const form = useFirstWrong(register.error)
  const own = declared?.pages.flatMap((p) => p.items.map((s) => s.name)) ?? []
  const offered = type === 'service' ? own : [...standard, ...own.filter((s) => !standard.includes(s))]
  const submit = (e: FormEvent) => {
    e.preventDefault()
    const [uris, after, resources, names] = [some(linesOf(redirects)), some(linesOf(logouts)), some(linesOf(audience)), some(picked.filter((s) => offered.includes(s)))]
    register.mutate({
      type: type!, name: name.trim(),
      ...(type !== 'service' && uris && { redirect_uris: uris }),
      // Its pages ask for tokens themselves: the browser lets them if their origin is registered.
      ...(type === 'spa' && uris && { origins: [...new Set(uris.filter((u) => URL.canParse(u)).map((u) => new URL(u).origin))] }),
      ...(type !== 'service' && after && { post_logout_redirect_uris: after }),
      ...(resources && { audience: resources }), ...(names && { scopes: names }),
    })
  }

  if (made) return <Made made={made} go={() => void navigate(`/admin/applications/${encodeURIComponent(made.client.client_id)}`)} />
  const error = register.error
  return (
    <>
      <Back to="/admin/applications">{t('apps.title')}</Back>
      <PageHeader title={t('apps.add')} description={t('apps.add.text')} />
      <form ref={form} className="grid max-w-3xl gap-6" onSubmit={submit}>
        <fieldset>
          <legend className="mb-3 font-semibold">{t('app.which_type')}</legend>
          <div className="grid gap-3 sm:grid-cols-2">
            {(['web', 'spa', 'native', 'service'] as const).map((x) => {
              const Icon = typeIcons[x]
              return (
                <label key={x} className={classes('flex cursor-pointer gap-3 rounded-card border p-4 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent', x === type ? 'border-accent bg-accent-soft' : 'border-line bg-surface hover:border-line-strong')}>
                  <input type="radio" name="type" value={x} checked={x === type} onChange={() => setType(x)} className="sr-only" />
                  <Icon size={22} className={classes('mt-0.5 shrink-0', x === type ? 'text-accent' : 'text-muted')} aria-hidden />
                  <span>
                    <span className="block font-semibold">{t(`app.type.${x}`)}</span>
                    <span className="block text-sm text-muted">{t(`app.type.${x}.text`)}</span>
                  </span>
                </label>
              )
            })}
          </div>
        </fieldset>
        {type && (
          <Card
            title={t('app.details')}
            footer={
              <>
                <Button look="secondary" onClick={() => void navigate('/admin/applications')}>
                  {c('cancel')}
                </Button>
                <Button type="submit" busy={register.isPending}>
                  {t('apps.add')}
                </Button>
              </>
            }
          >
            <div className="grid gap-5">
              <ProblemAlert problem={error} />
              <TextField label={t('app.name')} hint={t('app.name.hint')} required maxLength={200} value={name} onChange={(e) => setName(e.target.value)} error={fieldError(error, '/name')} />
              {type !== 'service' && (
                <>
                  <TextArea label={t('app.redirects')} hint={t('app.redirects.hint')} required rows={3} value={redirects} onChange={(e) => setRedirects(e.target.value)} error={fieldError(error, '/redirect_uris')} className="font-mono text-sm" dir="ltr" placeholder="https://app.example.com/callback" />
                  <TextArea label={t('app.logouts')} hint={t('app.logouts.hint')} rows={2} value={logouts} onChange={(e) => setLogouts(e.target.value)} error={fieldError(error, '/post_logout_redirect_uris')} className="font-mono text-sm" dir="ltr" />
                </>
              )}
              {offered.length > 0 && <ScopeBoxes offered={offered} picked={picked} onChange={setPicked} />}
              <TextArea label={t('app.audience')} hint={t('app.audience.hint')} rows={2} value={audience} onChange={(e) => setAudience(e.target.value)} error={fieldError(error, '/audience')} className="font-mono text-sm" dir="ltr" placeholder="https://api.example.com" />
            </div>
          </Card>
        )}
      </form>
    </>
  )
}

/** Boxes to tick, one for each scope. */
export function ScopeBoxes({ offered, picked, onChange }: { offered: readonly string[]; picked: readonly string[]; onChange: (picked: string[]) => void }) {
  const t = texts.use()
  return (
    <fieldset>
      <legend className="mb-2 text-sm font-medium">{t('app.scopes')}</legend>
      <div className="grid gap-2.5 sm:grid-cols-2">
        {offered.map((s) => (
          <Checkbox key={s} label={<span className="font-mono text-sm">{s}</span>} checked={picked.includes(s)} onChange={(e) => onChange(e.target.checked ? [...picked, s] : picked.filter((x) => x !== s))} />
        ))}
      </div>
    </fieldset>
  )
}

function Made({ made, go }: { made: Schema<'CreatedClient'>; go: () => void }) {
  const t = texts.use()
  return (
    <>
      <PageHeader title={t('apps.made', { name: made.client.name })} description={t('apps.made.text')} actions={<Button onClick={go}>{t('apps.made.go')}</Button>} />
      <div className="grid max-w-3xl gap-6">
        <Card title={t('app.credentials')}>
          <div className="grid gap-4">
            <CopyField label="client_id" value={made.client.client_id} />
            {made.client_secret && (
              <>
                <Alert tone="warning">{t('secret.once')}</Alert>
                <CopyField label="client_secret" value={made.client_secret} />
              </>
            )}
          </div>
        </Card>
        <Snippets client={made.client} />
      </div>
    </>
  )
}
