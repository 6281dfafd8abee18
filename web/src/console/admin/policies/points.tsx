import { useQuery } from '@tanstack/react-query'
import { Globe, Plus } from 'lucide-react'
import { useState, type FormEvent } from 'react'

import { answer, api, type Schema } from '../../../api/client'
import { Button } from '../../../components/button'
import { Card } from '../../../components/card'
import { Checkbox } from '../../../components/checkbox'
import { Dialog } from '../../../components/dialog'
import { TextArea, TextField, useFirstWrong } from '../../../components/field'
import { PasswordField } from '../../../components/password-field'
import { ProblemAlert } from '../../../components/problem-alert'
import { Row, Rows } from '../../../components/rows'
import { useCan } from '../../../session/session'
import { common } from '../../../texts/common'
import { useAct } from '../act'
import { fieldError } from '../application-new'
import { Asking } from '../parts'
import { decisionPoints } from './data'
import { texts } from './texts'

type Point = Schema<'DecisionPoint'>

/** Decision points outside, which plans can name. */
export function Points() {
  const [t, can] = [texts.use(), useCan()]
  const { data, error } = useQuery(decisionPoints)
  const [setting, setSetting] = useState<Partial<Point>>()
  const may = can('cardea:point.write')
  const remove = useAct((point: string) => answer(api.DELETE('/api/decision-points/{point}', { params: { path: { point } } })), { stale: ['points'], done: t('point.removed') })
  return (
    <Card
      title={t('points.title')}
      description={t('points.text')}
      actions={may && (
        <Button size="small" look="secondary" icon={<Plus size={16} aria-hidden />} onClick={() => setSetting({})}>
          {t('point.add')}
        </Button>
      )}
    >
      {(!!error || (data && data.items.length > 0)) && (
        <>
          <ProblemAlert problem={error} />
          <Rows label={t('points.title')}>
            {data?.items.map((p) => (
              <Row
                key={p.name}
                icon={<Globe size={18} />}
                title={p.name}
                action={may && (
                  <>
                    <Button size="small" look="secondary" aria-label={t('point.change_of', { name: p.name })} onClick={() => setSetting(p)}>
                      {t('plan.change')}
                    </Button>
                    <Asking size="small" label={t('point.remove_of', { name: p.name })} title={t('point.remove.title', { name: p.name })} text={t('point.remove.text')} confirm={t('plan.remove')} run={() => remove.mutateAsync(p.name)}>
                      {t('plan.remove')}
                    </Asking>
                  </>
                )}
              >
                {p.description && <p>{p.description}</p>}
                <p>
                  <bdi className="font-mono text-[0.8125rem]">{p.url}</bdi> · {t('point.waits', { ms: String(p.timeout_ms) })} · {p.has_credential ? t('point.credential.there') : t('point.credential.none')}
                </p>
              </Row>
            ))}
          </Rows>
        </>
      )}
      {setting && <PointDialog start={setting} close={() => setSetting(undefined)} />}
    </Card>
  )
}

function PointDialog({ start, close }: { start: Partial<Point>; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [p, change] = useState({ name: start.name ?? '', description: start.description ?? '', url: start.url ?? '', timeout: String(start.timeout_ms ?? 1000), ca: start.ca ?? '', credential: '' })
  const [none, setNone] = useState(false)
  const body = {
    url: p.url.trim(), timeout_ms: Number(p.timeout), ...(p.description && { description: p.description }), ...(p.ca.trim() && { ca: p.ca }),
    ...(none ? { credential: '' } : p.credential && { credential: p.credential }),
  }
  const set = useAct(() => answer(api.PUT('/api/decision-points/{point}', { params: { path: { point: p.name.trim() } }, body })), { stale: ['points'], done: t('point.set'), then: close })
  const form = useFirstWrong(set.error)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    set.mutate()
  }
  const field = (name: keyof typeof p) => ({ value: p[name], onChange: (e: { target: { value: string } }) => change({ ...p, [name]: e.target.value }) })
  return (
    <Dialog open onOpenChange={close} title={start.name ? t('point.change_of', { name: start.name }) : t('point.add')}>
      <form ref={form} className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={set.error} />
        <TextField label={t('set.name')} hint={t('set.name.hint')} required readOnly={!!start.name} maxLength={63} {...field('name')} className="font-mono" dir="ltr" error={fieldError(set.error, '/name')} />
        <TextField label={t('set.description')} maxLength={500} {...field('description')} error={fieldError(set.error, '/description')} />
        <TextField label={t('point.url')} hint={t('point.url.hint')} required type="url" maxLength={2000} {...field('url')} className="font-mono" dir="ltr" placeholder="https://pdp.example.com" error={fieldError(set.error, '/url')} />
        <TextField label={t('point.timeout')} hint={t('point.timeout.hint')} required type="number" min={10} max={3000} {...field('timeout')} error={fieldError(set.error, '/timeout_ms')} />
        <PasswordField label={t('point.credential')} hint={start.has_credential ? t('point.credential.keep') : t('point.credential.hint')} autoComplete="off" disabled={none} {...field('credential')} error={fieldError(set.error, '/credential')} />
        {start.has_credential && <Checkbox label={t('point.credential.drop')} checked={none} onChange={(e) => setNone(e.target.checked)} />}
        <TextArea label={t('point.ca')} hint={t('point.ca.hint')} rows={3} {...field('ca')} className="font-mono text-sm" dir="ltr" placeholder="-----BEGIN CERTIFICATE-----" error={fieldError(set.error, '/ca')} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={set.isPending}>
            {c('save')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
