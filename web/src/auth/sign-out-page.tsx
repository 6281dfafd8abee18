import { useState } from 'react'

import { answer, api } from '../api/client'
import { site } from '../api/site'
import { Button, ButtonLink } from '../components/button'
import { ProblemAlert } from '../components/problem-alert'
import { Skeleton } from '../components/skeleton'
import { recoverSession, tellTabs } from '../session/session'
import { rich } from '../texts/catalogue'
import { query } from './address'
import { Refused } from './flow-page'
import { Layout } from './layout'
import { texts } from './texts'
import { useStart } from './use-start'

/** Asks whether to sign out, for a person or an application that sent one here, and says goodbye. */
export function SignOutPage() {
  const t = texts.use()
  const { value: session, problem } = useStart(async () => {
    if (query.has('done')) tellTabs('signed_out')
    return recoverSession()
  })
  const [busy, setBusy] = useState(false)
  const [refusal, setRefusal] = useState<unknown>()
  if (problem) return <Refused problem={problem} />
  if (!session) {
    return (
      <Layout title={t('sign_out.title')}>
        <Skeleton lines={2} />
      </Layout>
    )
  }
  if (session.state !== 'authenticated') {
    return (
      <Layout title={t('signed_out.title')} lead={t('signed_out.lead')}>
        <ButtonLink href={`${site.base}/sign-in`} look="secondary" wide>
          {t('sign_in_again')}
        </ButtonLink>
      </Layout>
    )
  }
  const leave = async () => {
    setBusy(true)
    setRefusal(undefined)
    const body: Record<string, string> = {}
    for (const name of ['client_id', 'post_logout_redirect_uri', 'state']) {
      const value = query.get(name)
      if (value) body[name] = value
    }
    try {
      const next = await answer(api.POST('/oauth/logout/confirm', { body }))
      tellTabs('signed_out')
      location.assign(next.location ?? `${site.base}/sign-out?done=1`)
    } catch (cause) {
      setRefusal(cause)
      setBusy(false)
    }
  }
  return (
    <Layout title={t('sign_out.title')} lead={rich(t('sign_out.lead'), { who: <bdi className="font-semibold text-ink">{session.user.email ?? session.user.id}</bdi> })}>
      <ProblemAlert problem={refusal} />
      <Button wide busy={busy} onClick={() => void leave()}>
        {t('sign_out.action')}
      </Button>
      <ButtonLink look="secondary" wide href={`${site.base}/account`}>
        {t('sign_out.stay')}
      </ButtonLink>
    </Layout>
  )
}
