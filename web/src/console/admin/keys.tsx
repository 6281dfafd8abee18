import { useSuspenseQuery } from '@tanstack/react-query'
import { KeyRound, RotateCw } from 'lucide-react'
import { useState } from 'react'

import { answer, api, type Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { Dialog } from '../../components/dialog'
import { SelectField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { queries } from '../queries'
import { useAct } from './act'
import { keys } from './data'
import { Time } from './names'
import { Asking, Code } from './parts'
import { texts } from './texts'

type Key = Schema<'SigningKey'>
type NewKey = Schema<'NewSigningKey'>

export const loader = () => queries.ensureQueryData(keys)

const purposes = ['token', 'logout', 'context', 'checkpoint'] as const
const tones: Record<string, 'success' | 'accent' | 'neutral' | 'danger'> = { active: 'success', next: 'accent', retiring: 'neutral', revoked: 'danger' }

/** The keys that sign, by what they sign, each with where it stands in its life. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const { data } = useSuspenseQuery(keys)
  const [rotating, setRotating] = useState<NewKey>()
  return (
    <>
      <PageHeader
        title={t('keys.title')}
        description={t('keys.text')}
        actions={
          can('cardea:key.rotate') && (
            <Button icon={<RotateCw size={18} aria-hidden />} onClick={() => setRotating({ purpose: 'token', alg: 'ES256' })}>
              {t('keys.rotate')}
            </Button>
          )
        }
      />
      <div className="grid gap-6">
        {purposes.map((p) => {
          const of = data.items.filter((k) => k.purpose === p)
          return of.length === 0 ? null : (
            <Card key={p} title={t(`keys.${p}`)} description={t(`keys.${p}.text`)}>
              <ul className="-my-3 divide-y divide-line">
                {of.map((k) => (
                  <KeyRow key={k.kid} k={k} />
                ))}
              </ul>
            </Card>
          )
        })}
      </div>
      {rotating && <Rotate start={rotating} close={() => setRotating(undefined)} />}
    </>
  )
}

function KeyRow({ k }: { k: Key }) {
  const [t, can] = [texts.use(), useCan()]
  const revoke = useAct(() => answer(api.POST('/api/keys/{kid}/revoke', { params: { path: { kid: k.kid } } })), { stale: ['keys'], done: t('keys.revoked') })
  const moments = [
    [t('created'), k.created], [t('keys.signs_from'), k.activated ?? k.ready], [t('keys.retired_at'), k.retired], [t('keys.revoked_at'), k.revoked], [t('keys.forgotten'), k.until],
  ] as const
  const state = `keys.state.${k.state}`
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 py-4">
      <KeyRound size={20} aria-hidden className="mt-0.5 text-muted max-sm:hidden" />
      <div className="grid min-w-0 flex-1 basis-56 justify-items-start gap-1.5">
        <span className="flex flex-wrap items-center gap-2">
          <Code>{k.kid}</Code>
          <Badge tone={tones[k.state] ?? 'neutral'}>{texts.has(state) ? t(state) : k.state}</Badge>
          <Badge>{k.alg}</Badge>
        </span>
        <span className="flex flex-wrap gap-x-4 text-sm text-muted">
          {moments.map(([word, at]) => at && <span key={word}>{word} <Time at={at} /></span>)}
        </span>
      </div>
      {k.state !== 'revoked' && can('cardea:key.revoke') && (
        <Asking size="small" title={t('keys.revoke.title', { kid: k.kid })} text={t('keys.revoke.text')} confirm={t('keys.revoke')} label={t('keys.revoke.title', { kid: k.kid })} run={() => revoke.mutateAsync()}>
          {t('keys.revoke')}
        </Asking>
      )}
    </li>
  )
}

function Rotate({ start, close }: { start: NewKey; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [key, setKey] = useState(start)
  const rotate = useAct(() => answer(api.POST('/api/keys', { body: key })), { stale: ['keys'], done: t('keys.rotated'), then: close })
  return (
    <Dialog open onOpenChange={close} title={t('keys.rotate')} description={t('keys.rotate.text')}>
      <div className="grid gap-5">
        <ProblemAlert problem={rotate.error} />
        <SelectField label={t('keys.purpose')} value={key.purpose} onChange={(e) => setKey({ ...key, purpose: e.target.value as NewKey['purpose'] })}>
          {purposes.map((p) => (
            <option key={p} value={p}>
              {t(`keys.${p}`)}
            </option>
          ))}
        </SelectField>
        <SelectField label={t('keys.alg')} value={key.alg} onChange={(e) => setKey({ ...key, alg: e.target.value as NewKey['alg'] })}>
          {(['ES256', 'EdDSA', 'RS256', 'PS256'] as const).map((a) => (
            <option key={a}>{a}</option>
          ))}
        </SelectField>
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button busy={rotate.isPending} onClick={() => rotate.mutate()}>
            {t('keys.rotate')}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
