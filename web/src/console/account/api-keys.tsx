import { useSuspenseQuery } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Ago } from '../../components/ago'
import { Badge } from '../../components/badge'
import { Button, buttonClasses } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { ConfirmDialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { Row, Rows } from '../../components/rows'
import { toast } from '../../components/toast'
import { withStepUp } from '../../session/step-up'
import { useLocale } from '../../texts/language'
import { queries } from '../queries'
import { apiKeys, refresh } from './data'
import { Secret } from './new-api-key'
import { texts } from './texts'

type Key = Schema<'APIKey'>

/** Fetches the keys before the page is shown. */
export const loader = () => queries.ensureQueryData(apiKeys)

const soon = 14 * 86_400_000 // milliseconds before its end in which a key says so

/** The keys with which programs act for the account. */
export function Component() {
  const t = texts.use()
  const { data } = useSuspenseQuery(apiKeys)
  const [ending, setEnding] = useState<Key>()
  const [replacing, setReplacing] = useState<Key>()
  const [made, setMade] = useState<Schema<'CreatedAPIKey'>>()
  const end = async () => {
    if (!ending) return
    await withStepUp(() => answer(api.DELETE('/account/apikeys/{apikey}', { params: { path: { apikey: ending.id } } })))
    toast(t('keys.ended', { key: ending.name }))
    await refresh('apikeys')
  }
  const replace = async () => {
    if (!replacing) return
    const path = { apikey: replacing.id }
    setMade(await withStepUp(() => answer(api.POST('/account/apikeys/{apikey}/rotate', { params: { path }, body: { overlap: 3600 } }))))
    await refresh('apikeys')
  }
  if (made) {
    return (
      <>
        <PageHeader title={t('keys.made.title')} description={t('keys.replaced')} />
        <Secret made={made} onStored={() => setMade(undefined)} />
      </>
    )
  }
  const create = (
    <Link to="/account/keys/new" className={buttonClasses()}>
      {t('keys.new')}
    </Link>
  )
  return (
    <>
      <PageHeader title={t('keys.title')} description={t('keys.text')} actions={data.items.length > 0 && create} />
      {data.items.length === 0 ? (
        <EmptyState icon={<KeyRound aria-hidden />} title={t('keys.none')} action={create}>
          {t('keys.none.text')}
        </EmptyState>
      ) : (
        <Card>
          <Rows label={t('keys.title')}>
            {data.items.map((k) => (
              <KeyRow key={k.id} apiKey={k} onReplace={() => setReplacing(k)} onEnd={() => setEnding(k)} />
            ))}
          </Rows>
        </Card>
      )}
      <ConfirmDialog open={ending !== undefined} onOpenChange={(open) => !open && setEnding(undefined)} title={t('keys.end.title', { key: ending?.name ?? '' })} confirm={t('keys.end')} onConfirm={end}>
        {t('keys.end.text')}
      </ConfirmDialog>
      <ConfirmDialog
        open={replacing !== undefined}
        onOpenChange={(open) => !open && setReplacing(undefined)}
        title={t('keys.replace.title', { key: replacing?.name ?? '' })}
        confirm={t('keys.replace')}
        look="primary"
        onConfirm={replace}
      >
        {t('keys.replace.text')}
      </ConfirmDialog>
    </>
  )
}

function KeyRow({ apiKey: k, onReplace, onEnd }: { apiKey: Key; onReplace: () => void; onEnd: () => void }) {
  const [t, locale] = [texts.use(), useLocale()]
  const day = (at: string) => new Date(at).toLocaleDateString(locale, { dateStyle: 'medium' })
  return (
    <Row
      icon={<KeyRound size={20} />}
      title={<bdi>{k.name}</bdi>}
      badge={k.expires && Date.parse(k.expires) - Date.now() < soon && <Badge tone="warning">{t('keys.soon')}</Badge>}
      action={
        <>
          <Button look="secondary" size="small" aria-label={t('keys.replace.label', { key: k.name })} onClick={onReplace}>
            {t('keys.replace')}
          </Button>
          <Button look="secondary" size="small" aria-label={t('keys.end.label', { key: k.name })} onClick={onEnd}>
            {t('keys.end')}
          </Button>
        </>
      }
    >
      <p>
        <span className="font-mono text-[0.8125rem]">{k.hint}…</span> · {k.last_used ? t('keys.used') : t('keys.unused')} {k.last_used && <Ago at={k.last_used} />}
      </p>
      <p>{k.expires ? t('keys.made_until', { date: day(k.created), until: day(k.expires) }) : t('keys.made', { date: day(k.created) })}</p>
      <p className="mt-1.5 flex flex-wrap gap-1.5">
        {k.scopes.map((s) => (
          <span key={s} className="rounded bg-sunken px-1.5 py-0.5 font-mono text-xs break-all">
            {s}
          </span>
        ))}
        {k.scopes.length === 0 && t('keys.scopeless')}
      </p>
    </Row>
  )
}
