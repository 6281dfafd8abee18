import { useSuspenseQuery } from '@tanstack/react-query'
import { AppWindow, Check } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Button, buttonClasses } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { ConfirmDialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { Row, Rows } from '../../components/rows'
import { toast } from '../../components/toast'
import { withStepUp } from '../../session/step-up'
import { useLocale } from '../../texts/language'
import { queries } from '../queries'
import { consents, refresh } from './data'
import { texts } from './texts'

type Consent = Schema<'OwnConsent'>

/** Fetches what was allowed before the page is shown. */
export const loader = () => queries.ensureQueryData(consents)

/** What applications may do, and how to take it back. */
export function Component() {
  const t = texts.use()
  const { data } = useSuspenseQuery(consents)
  const [taking, setTaking] = useState<Consent>()
  const nameOf = (c: Consent | undefined) => c?.client_name || t('applications.gone')
  const take = async () => {
    if (!taking) return
    await withStepUp(() => answer(api.DELETE('/account/consents/{client}', { params: { path: { client: taking.client_id } } })))
    toast(t('applications.taken', { app: nameOf(taking) }))
    await refresh('consents')
  }
  return (
    <>
      <PageHeader title={t('applications.title')} description={t('applications.text')} />
      {data.items.length === 0 ? (
        <EmptyState
          icon={<AppWindow aria-hidden />}
          title={t('applications.none')}
          action={
            <Link to="/account/activity" className={buttonClasses('secondary')}>
              {t('security.doubt.activity')}
            </Link>
          }
        >
          {t('applications.none.text')}
        </EmptyState>
      ) : (
        <Card>
          <Rows label={t('applications.title')}>
            {data.items.map((c) => (
              <Application key={c.client_id} consent={c} name={nameOf(c)} onTake={() => setTaking(c)} />
            ))}
          </Rows>
        </Card>
      )}
      <ConfirmDialog open={taking !== undefined} onOpenChange={(open) => !open && setTaking(undefined)} title={t('applications.take.title', { app: nameOf(taking) })} confirm={t('applications.take')} onConfirm={take}>
        {t('applications.take.text')}
      </ConfirmDialog>
    </>
  )
}

function Application({ consent, name, onTake }: { consent: Consent; name: string; onTake: () => void }) {
  const [t, locale] = [texts.use(), useLocale()]
  return (
    <Row
      icon={<AppWindow size={20} />}
      title={<bdi>{name}</bdi>}
      action={
        <Button look="secondary" size="small" aria-label={t('applications.take.label', { app: name })} onClick={onTake}>
          {t('applications.take')}
        </Button>
      }
    >
      <p>
        {consent.client_uri && (
          <>
            <bdi>{consent.client_uri}</bdi> ·{' '}
          </>
        )}
        {t('applications.since', { date: new Date(consent.given).toLocaleDateString(locale, { dateStyle: 'medium' }) })}
      </p>
      {consent.scopes.length > 0 && (
        <>
          <p className="mt-2">{t('applications.may')}</p>
          <ul className="mt-1 grid gap-1 text-ink">
            {consent.scopes.map((s) => (
              <li key={s.name} className="flex gap-2">
                <Check size={16} className="mt-0.5 shrink-0 text-accent" aria-hidden />
                <span className="user-text min-w-0 first-letter:uppercase">{s.words || s.name}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Row>
  )
}
