import { useState, type FormEvent } from 'react'

import { answer, api, type Schema } from '../../../api/client'
import { Button } from '../../../components/button'
import { Dialog } from '../../../components/dialog'
import { TextField, useFirstWrong } from '../../../components/field'
import { ProblemAlert } from '../../../components/problem-alert'
import { common } from '../../../texts/common'
import { language } from '../../../texts/language'
import { useAct } from '../act'
import { fieldError } from '../application-new'
import { texts } from './texts'

/** A share as people write it: 12.5 %. */
export function percent(share: number): string {
  return new Intl.NumberFormat(language(), { style: 'percent', maximumFractionDigits: 4 }).format(share)
}

/** Says which decisions are kept from now on. */
export function LogDialog({ start, close }: { start: Schema<'DecisionLog'>; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [share, setShare] = useState(String(Number(((start.share || 0.1) * 100).toFixed(4))))
  const [days, setDays] = useState(String(start.days || 7))
  const set = useAct((s: number) => answer(api.PUT('/api/decision-log', { body: { share: s, days: Number(days) } })), { stale: ['decision-log'], done: t('log.set'), then: close })
  const form = useFirstWrong(set.error)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    set.mutate(Number(share) / 100)
  }
  return (
    <Dialog open onOpenChange={close} title={t('log.settings')} description={t('log.settings.text')}>
      <form ref={form} className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={set.error} />
        <TextField label={t('log.share')} hint={t('log.share.hint')} type="number" required min={0} max={100} step="any" value={share} onChange={(e) => setShare(e.target.value)} error={fieldError(set.error, '/share')} />
        <TextField label={t('log.days')} hint={t('log.days.hint')} type="number" required min={1} max={90} value={days} onChange={(e) => setDays(e.target.value)} error={fieldError(set.error, '/days')} />
        <div className="flex flex-wrap justify-end gap-3">
          {!!start.share && (
            <Button look="quiet" onClick={() => set.mutate(0)}>
              {t('log.turn_off')}
            </Button>
          )}
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
