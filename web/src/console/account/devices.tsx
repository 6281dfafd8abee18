import { useSuspenseQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { answer, api, type Schema } from '../../api/client'
import { Ago } from '../../components/ago'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { ConfirmDialog } from '../../components/dialog'
import { ProblemAlert } from '../../components/problem-alert'
import { Row, Rows } from '../../components/rows'
import { toast } from '../../components/toast'
import { withStepUp } from '../../session/step-up'
import { useLocale } from '../../texts/language'
import { queries } from '../queries'
import { useAct } from './act'
import { refresh, sessions } from './data'
import { DeviceIcon, useDeviceName } from './device'
import { texts } from './texts'

/** Fetches the sessions before the page is shown. */
export const loader = () => queries.ensureQueryData(sessions)

/** Where one is signed in, and how to end that. */
export function Component() {
  const t = texts.use()
  const { data } = useSuspenseQuery(sessions)
  const [asking, setAsking] = useState(false)
  const others = data.items.filter((s) => !s.current).sort((a, b) => Date.parse(b.active) - Date.parse(a.active))
  const current = data.items.filter((s) => s.current)
  const ask = () => {
    setAsking(true)
    void refresh('sessions') // how many they are is part of the question
  }
  const endOthers = async () => {
    const { ended } = await withStepUp(() => answer(api.DELETE('/account/sessions')))
    toast(t('devices.ended_all', { count: ended }))
    await refresh('sessions')
  }
  return (
    <>
      <PageHeader title={t('devices.title')} description={t('devices.text')} />
      <div className="grid gap-6">
        <Card>
          <Rows label={t('devices.here')}>
            {current.map((s) => (
              <Device key={s.id} session={s} />
            ))}
          </Rows>
        </Card>
        <Card
          title={t('devices.others')}
          description={others.length > 0 && t('devices.others.text')}
          actions={
            others.length > 0 && (
              <Button look="secondary" size="small" onClick={ask}>
                {t('devices.end_all')}
              </Button>
            )
          }
        >
          {others.length === 0 ? (
            <p className="text-muted">{t('devices.others.none')}</p>
          ) : (
            <Rows label={t('devices.others')}>
              {others.map((s) => (
                <Device key={s.id} session={s} />
              ))}
            </Rows>
          )}
        </Card>
      </div>
      <ConfirmDialog open={asking} onOpenChange={setAsking} title={t('devices.end_all.title', { count: others.length })} confirm={t('devices.end_all')} onConfirm={endOthers}>
        {t('devices.end_all.text')}
      </ConfirmDialog>
    </>
  )
}

function Device({ session }: { session: Schema<'Session'> }) {
  const [t, locale, nameOf] = [texts.use(), useLocale(), useDeviceName()]
  const name = nameOf(session.device)
  const end = useAct(
    () => answer(api.DELETE('/account/sessions/{session}', { params: { path: { session: session.id } } })),
    () => {
      toast(t('devices.ended', { device: name }))
      return refresh('sessions')
    },
  )
  const day = (at: string) => new Date(at).toLocaleDateString(locale, { dateStyle: 'medium' })
  return (
    <Row
      icon={<DeviceIcon device={session.device} />}
      title={<bdi>{name}</bdi>}
      badge={session.current && <Badge tone="accent">{t('devices.this')}</Badge>}
      action={
        !session.current && (
          <Button look="secondary" size="small" busy={end.isPending} aria-label={t('devices.end.label', { device: name })} onClick={() => end.mutate()}>
            {t('devices.end')}
          </Button>
        )
      }
    >
      <p>
        {session.address && (
          <>
            <bdi>{session.address}</bdi> ·{' '}
          </>
        )}
        {t('devices.active')} <Ago at={session.active} />
      </p>
      <p>{t('devices.since', { date: day(session.created), until: day(session.expires) })}</p>
      <ProblemAlert problem={end.error} />
    </Row>
  )
}
