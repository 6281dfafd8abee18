import { useEffect, useRef, useState } from 'react'

import { site } from '../api/site'
import { Dialog } from '../components/dialog'
import { ProblemAlert } from '../components/problem-alert'
import { Skeleton } from '../components/skeleton'
import { startFlow, type Flow } from '../flow/flow'
import { StepForm } from '../flow/step-form'
import { recoverSession, useSession, type Person } from '../session/session'
import { queries } from './queries'
import { texts } from './texts'

/**
 * Says that the session has ended while somebody was at work, and takes a new sign-in in place, so that what was
 * entered stays. Whoever signs in otherwise does so in another tab, which tells this one. Another account than before
 * starts afresh, so that nothing of one person is shown to the next.
 */
export function SessionOver({ user }: { user: Person | undefined }) {
  const t = texts.use()
  const session = useSession()
  const first = useRef(user?.id)
  const over = session.state === 'anonymous' && session.expired
  const [flow, setFlow] = useState<Flow>()
  const [problem, setProblem] = useState<unknown>()
  const address = user?.email
  useEffect(() => {
    first.current ??= user?.id
    if (session.state === 'authenticated' && session.user.id !== first.current) location.reload()
  }, [session, user])
  useEffect(() => {
    if (!over) return
    let gone = false
    setFlow(undefined)
    setProblem(undefined)
    startFlow({ kind: 'sign_in', ...(address && { login_hint: address }) }).then((f) => gone || setFlow(f), (cause: unknown) => gone || setProblem(cause))
    return () => {
      gone = true
    }
  }, [over, address])
  const onFlow = (next: Flow) => {
    if (!next.done) return setFlow(next)
    void recoverSession().then(() => queries.invalidateQueries(), setProblem)
  }
  const step = flow?.steps?.[0]
  return (
    <Dialog open={over} onOpenChange={() => undefined} closable={false} title={t('session_over.title')} description={t('session_over.text')}>
      <div className="grid gap-5">
        <ProblemAlert problem={problem} />
        {flow && step && <StepForm key={step.step} flow={flow} step={step} onFlow={onFlow} />}
        {!flow && !problem && <Skeleton />}
        <p className="text-sm text-muted">
          <a href={`${site.base}/sign-in?return_to=%2Faccount`} target="_blank" rel="noopener" className="rounded-sm font-medium text-accent underline underline-offset-3">
            {t('session_over.elsewhere')}
          </a>
        </p>
      </div>
    </Dialog>
  )
}
