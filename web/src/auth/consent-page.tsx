import { Check } from 'lucide-react'
import { useState } from 'react'

import { Button } from '../components/button'
import { ProblemAlert } from '../components/problem-alert'
import { Skeleton } from '../components/skeleton'
import { knownSession } from '../session/session'
import { rich } from '../texts/catalogue'
import { page } from './address'
import { Refused } from './flow-page'
import { Layout, Onward } from './layout'
import { decide, needOf } from './request'
import { texts } from './texts'
import { useStart } from './use-start'

/** Asks whether an application may have what it asks for. */
export function ConsentPage() {
  const t = texts.use()
  const { value: need, problem } = useStart(() => needOf('consent'))
  const { value: session } = useStart(knownSession)
  const [busy, setBusy] = useState<'allow' | 'deny'>()
  const [refusal, setRefusal] = useState<unknown>()
  if (problem) return <Refused problem={problem} />
  if (!need) {
    return (
      <Layout title={t('consent.title')}>
        <Skeleton lines={5} />
      </Layout>
    )
  }
  const scopes = need.scopes ?? []
  const say = async (allow: boolean) => {
    setBusy(allow ? 'allow' : 'deny')
    setRefusal(undefined)
    await decide({ allow, scopes: allow ? scopes.map((s) => s.name) : [] }).catch((cause: unknown) => {
      setRefusal(cause)
      setBusy(undefined)
    })
  }
  const { name, uri, policy_uri: policy, tos_uri: terms } = need.client ?? { name: '' }
  const who = session?.state === 'authenticated' ? (session.user.email ?? session.user.id) : undefined
  return (
    <Layout
      title={t('consent.title')}
      lead={rich(t('consent.lead'), { app: <bdi className="font-semibold text-ink">{name}</bdi> })}
      below={
        <div className="flex flex-col gap-2">
          {uri && <p className="user-text">{rich(t('consent.from'), { uri: <bdi>{uri}</bdi> })}</p>}
          {(policy || terms) && (
            <p className="flex flex-wrap gap-x-4">
              {policy && <Onward to={policy}>{t('consent.policy')}</Onward>}
              {terms && <Onward to={terms}>{t('consent.terms')}</Onward>}
            </p>
          )}
          <p>{t('consent.later')}</p>
        </div>
      }
    >
      <ul className="flex max-h-80 flex-col gap-3 overflow-y-auto rounded-control bg-sunken p-4" tabIndex={scopes.length > 5 ? 0 : undefined}>
        {scopes.map((s) => (
          <li key={s.name} className="flex gap-3">
            <Check size={18} className="mt-0.5 shrink-0 text-accent" aria-hidden />
            <span className="user-text min-w-0">{s.words || s.name}</span>
          </li>
        ))}
        {scopes.length === 0 && <li>{t('consent.nothing')}</li>}
      </ul>
      {who && (
        <p className="user-text text-sm text-muted">
          {rich(t('consent.as'), { who: <bdi className="font-medium text-ink">{who}</bdi> })} <Onward to={page('/select-account')}>{t('consent.other')}</Onward>
        </p>
      )}
      <ProblemAlert problem={refusal} />
      <div className="grid gap-3 sm:grid-cols-2">
        <Button look="secondary" busy={busy === 'deny'} onClick={() => void say(false)}>
          {t('consent.deny')}
        </Button>
        <Button className="max-sm:order-first" busy={busy === 'allow'} onClick={() => void say(true)}>
          {t('consent.allow')}
        </Button>
      </div>
    </Layout>
  )
}
