import { useSuspenseQuery } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'

import { answer, api, type Schema } from '../../api/client'
import { Button } from '../../components/button'
import { Card, Facts, PageHeader } from '../../components/card'
import { Checkbox } from '../../components/checkbox'
import { Field, inputClasses, SelectField, TextArea, TextField, useFirstWrong } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { visit } from '../../api/site'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { queries } from '../queries'
import { accentOf, applyAccent, surfaces } from '../../theme/colour'
import { useAct } from './act'
import { fieldError } from './application-new'
import { tenant } from './data'
import { Time } from './names'
import { Asking, Code, linesOf } from './parts'
import { texts } from './texts'

type Settings = Schema<'Settings'>

export const loader = () => queries.ensureQueryData(tenant)

/** How the tenant signs people in and how long things live. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const { data } = useSuspenseQuery(tenant)
  const end = useAct(() => answer(api.POST('/api/tenant/end-everything')), { stale: [], then: () => visit('/sign-in?return_to=%2Fadmin%2Fsettings') })
  return (
    <>
      <PageHeader title={t('settings.title')} description={t('settings.text')} />
      <div className="grid gap-6">
        <Card title={<span className="user-text">{data.name}</span>}>
          <Facts items={[[t('settings.id'), <Code>{data.id}</Code>], [t('settings.issuer'), <Code>{issuer()}</Code>], [t('created'), <Time at={data.created} />]]} />
        </Card>
        <Form key={JSON.stringify(data.settings)} settings={data.settings} />
        {can('cardea:tenant.end_everything') && (
          <Card tone="danger" title={t('settings.end')} description={t('settings.end.text')}>
            <Asking button="danger" title={t('settings.end.title', { tenant: data.name })} text={t('settings.end.text')} confirm={t('settings.end.confirm')} run={() => end.mutateAsync()}>
              {t('settings.end.confirm')}
            </Asking>
          </Card>
        )}
      </div>
    </>
  )
}

function issuer(): string {
  return location.href.slice(0, location.href.indexOf('/admin'))
}

type Spans = 'session_idle' | 'session_absolute' | 'access_token_life' | 'refresh_idle' | 'refresh_absolute'

function Form({ settings }: { settings: Settings }) {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const [s, setS] = useState(settings)
  const [origins, setOrigins] = useState((settings.origins ?? []).join('\n'))
  const save = useAct(() => answer(api.PATCH('/api/tenant/settings', { body: { ...s, accent: s.accent ?? '', origins: linesOf(origins) } })), {
    stale: ['tenant'], done: c('saved'), then: (now) => applyAccent(document.documentElement, now.settings.accent),
  })
  const set = <K extends keyof Settings>(key: K, value: Settings[K]) => setS((now) => ({ ...now, [key]: value }))
  const may = can('cardea:tenant.configure')
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  const span = (key: Spans) => <Span label={t(`settings.${key}`)} hint={t(`settings.${key}.hint`)} value={s[key]} error={fieldError(save.error, '/' + key)} onChange={(v) => set(key, v)} />
  return (
    <form ref={useFirstWrong(save.error)} onSubmit={submit}>
      <fieldset disabled={!may} className="grid min-w-0 gap-6">
        <ProblemAlert problem={save.error} />
        <Card title={t('settings.sign_up')}>
          <Checkbox label={t('settings.sign_up_closed')} hint={t('settings.sign_up_closed.hint')} checked={s.sign_up_closed} onChange={(e) => set('sign_up_closed', e.target.checked)} />
        </Card>
        <Card title={t('settings.look')} description={t('settings.look.text')}>
          <Colour value={s.accent ?? ''} error={fieldError(save.error, '/accent')} onChange={(v) => set('accent', v)} />
        </Card>
        <Card title={t('settings.sessions')}>
          <div className="grid gap-5 sm:grid-cols-2">
            {span('session_idle')}
            {span('session_absolute')}
            <TextField label={t('settings.session_limit')} hint={t('settings.session_limit.hint')} type="number" min={0} value={s.session_limit} error={fieldError(save.error, '/session_limit')} onChange={(e) => set('session_limit', Number(e.target.value))} />
            <div className="sm:pt-8">
              <Checkbox label={t('settings.session_refuse')} hint={t('settings.session_refuse.hint')} checked={s.session_refuse} onChange={(e) => set('session_refuse', e.target.checked)} />
            </div>
          </div>
        </Card>
        <Card
          title={t('settings.tokens')}
          footer={
            may && (
              <Button type="submit" busy={save.isPending}>
                {c('save')}
              </Button>
            )
          }
        >
          <div className="grid gap-5 sm:grid-cols-2">
            {span('access_token_life')}
            {span('refresh_idle')}
            {span('refresh_absolute')}
            <TextField label={t('settings.refresh_grace')} hint={t('settings.refresh_grace.hint')} type="number" min={-1} value={s.refresh_grace} error={fieldError(save.error, '/refresh_grace')} onChange={(e) => set('refresh_grace', Number(e.target.value))} />
            <div className="sm:col-span-2">
              <TextArea label={t('settings.origins')} hint={t('settings.origins.hint')} rows={3} value={origins} onChange={(e) => setOrigins(e.target.value)} error={fieldError(save.error, '/origins')} className="font-mono text-sm" dir="ltr" placeholder="https://app.example.com" />
            </div>
          </div>
        </Card>
      </fieldset>
    </form>
  )
}

/** A colour by its digits or by the browser's own picker, and how it will look: pages make it readable in light and in dark. */
function Colour({ value, error, onChange }: { value: string; error: string | undefined; onChange: (colour: string) => void }) {
  const t = texts.use()
  const accent = accentOf(value)
  const own = { light: '#0e6b5f', dark: '#6fd0bd', onLight: '#ffffff', onDark: '#06231f' }
  const { light, dark, onLight, onDark } = accent ?? own
  return (
    <div className="grid gap-5 sm:grid-cols-2">
      <div className="grid content-start gap-3">
        <Field label={t('settings.accent')} hint={t('settings.accent.hint')} error={error}>
          {(tied) => (
            <div className="flex gap-2">
              <input type="color" aria-label={t('settings.accent.pick')} value={accent ? value.toLowerCase() : own.light} onChange={(e) => onChange(e.target.value)} className="h-11 w-14 shrink-0 cursor-pointer rounded-control border border-line-strong bg-surface p-1" />
              <input {...tied} dir="ltr" value={value} maxLength={7} placeholder={own.light} onChange={(e) => onChange(e.target.value.trim())} className={inputClasses + ' font-mono'} />
              {value && (
                <Button look="secondary" onClick={() => onChange('')}>
                  {t('settings.accent.none')}
                </Button>
              )}
            </div>
          )}
        </Field>
        {accent && (accent.light !== value.toLowerCase() || accent.dark !== value.toLowerCase()) && <p className="text-sm text-muted">{t('settings.accent.adjusted')}</p>}
      </div>
      <div aria-hidden className="grid grid-cols-2 overflow-hidden rounded-control border border-line">
        <Sample behind={surfaces.light[0]} accent={light} on={onLight} />
        <Sample behind={surfaces.dark[1]} accent={dark} on={onDark} />
      </div>
    </div>
  )
}

function Sample({ behind, accent, on }: { behind: string; accent: string; on: string }) {
  const t = texts.use()
  return (
    <div className="grid content-center justify-items-center gap-3 px-3 py-6 text-sm" style={{ background: behind }}>
      <span className="rounded-control px-4 py-2 font-semibold" style={{ background: accent, color: on }}>
        {t('settings.accent.sample')}
      </span>
      <span className="font-medium underline underline-offset-3" style={{ color: accent }}>
        {t('settings.accent.sample_link')}
      </span>
    </div>
  )
}

const units = [86_400, 3600, 60, 1] as const

/** A span of time: a number and its unit, in seconds. */
function Span({ label, hint, value, error, onChange }: { label: string; hint: string; value: number; error: string | undefined; onChange: (seconds: number) => void }) {
  const t = texts.use()
  const [unit, setUnit] = useState<number>(() => units.find((u) => value > 0 && value % u === 0) ?? 1)
  return (
    <Field label={label} hint={hint} error={error}>
      {(tied) => (
        <div className="grid grid-cols-[minmax(0,1fr)_minmax(0,1fr)] gap-2">
          <input {...tied} type="number" min={0} required value={value / unit} onChange={(e) => onChange(Math.round(Number(e.target.value) * unit))} className={inputClasses} />
          <SelectField label={t('settings.unit')} labelHidden value={unit} onChange={(e) => setUnit(Number(e.target.value))}>
            {units.map((u) => (
              <option key={u} value={u}>
                {t(`settings.unit.${u}`)}
              </option>
            ))}
          </SelectField>
        </div>
      )}
    </Field>
  )
}
