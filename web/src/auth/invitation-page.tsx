import { useState } from 'react'

import { answer, api } from '../api/client'
import { Problem } from '../api/problem'
import { site } from '../api/site'
import { Alert } from '../components/alert'
import { Button, ButtonLink } from '../components/button'
import { ProblemAlert } from '../components/problem-alert'
import { Skeleton } from '../components/skeleton'
import { recoverSession } from '../session/session'
import { rich } from '../texts/catalogue'
import { Refused } from './flow-page'
import { Layout, Onward } from './layout'
import { texts } from './texts'
import { useStart } from './use-start'

// Whoever is not signed in yet signs in first; the token waits in this tab meanwhile and in no address.
const key = 'cardea-invitation'

/** Lets the person who is signed in join an organisation. */
export function InvitationPage({ token }: { token: string }) {
  const t = texts.use()
  const [invitation] = useState(() => token || sessionStorage.getItem(key) || '')
  const { value: session, problem } = useStart(recoverSession)
  const [busy, setBusy] = useState(false)
  const [joined, setJoined] = useState(false)
  const [refusal, setRefusal] = useState<unknown>()

  if (!invitation) return <Refused problem={new Problem({ code: 'link_incomplete' })} />
  if (problem) return <Refused problem={problem} />
  if (!session || session.state === 'recovering') {
    return (
      <Layout title={t('invitation.title')}>
        <Skeleton />
      </Layout>
    )
  }
  if (session.state === 'anonymous') {
    sessionStorage.setItem(key, invitation)
    const back = `${site.base}/sign-in?return_to=%2Flink`
    return (
      <Layout title={t('invitation.title')} lead={t('invitation.sign_in')} below={<Onward to={`${site.base}/sign-up?return_to=%2Flink`}>{t('open_account')}</Onward>}>
        <ButtonLink href={back} wide>
          {t('sign_in')}
        </ButtonLink>
      </Layout>
    )
  }
  const join = async () => {
    setBusy(true)
    setRefusal(undefined)
    try {
      await answer(api.POST('/account/invitations', { body: { token: invitation } }))
      sessionStorage.removeItem(key)
      setJoined(true)
    } catch (cause) {
      setRefusal(cause)
    } finally {
      setBusy(false)
    }
  }
  if (joined) {
    return (
      <Layout title={t('done')}>
        <Alert tone="success">{t('invitation.joined')}</Alert>
        <ButtonLink href={`${site.base}/account`} wide>
          {t('to_account')}
        </ButtonLink>
      </Layout>
    )
  }
  return (
    <Layout title={t('invitation.title')} lead={rich(t('invitation.as'), { who: <bdi className="font-semibold text-ink">{session.user.email ?? session.user.id}</bdi> })}>
      <ProblemAlert problem={refusal} />
      <Button wide busy={busy} onClick={() => void join()}>
        {t('invitation.accept')}
      </Button>
    </Layout>
  )
}
