import { useEffect, useState } from 'react'

import { Dialog } from '../components/dialog'
import { ProblemAlert } from '../components/problem-alert'
import { Skeleton } from '../components/skeleton'
import { startFlow, type Flow } from '../flow/flow'
import { StepForm } from '../flow/step-form'
import { texts } from '../flow/texts'
import { useSession } from './session'
import { onStepUp, type Waiting } from './step-up'

/** The dialog of withStepUp; once in a page. */
export function StepUpDialog() {
  const t = texts.use()
  const session = useSession()
  const [waiting, setWaiting] = useState<Waiting>()
  const [flow, setFlow] = useState<Flow>()
  const [problem, setProblem] = useState<unknown>()
  useEffect(() => {
    return onStepUp((w) => {
      setFlow(undefined)
      setProblem(undefined)
      setWaiting(w)
      startFlow({ kind: 'step_up' }).then(setFlow, setProblem)
    })
  }, [])
  const done = (next: Flow) => {
    if (!next.done) return setFlow(next)
    setWaiting(undefined)
    waiting?.resolve()
  }
  const close = () => {
    setWaiting(undefined)
    waiting?.reject(undefined)
  }
  const step = flow?.steps?.[0]
  return (
    <Dialog open={waiting !== undefined} onOpenChange={(open) => !open && close()} title={t('step_up.title')} description={t('step_up.why')}>
      <ProblemAlert problem={problem} />
      {flow && step && (
        <StepForm key={step.step} flow={flow} step={step} onFlow={done} action={t('step_up.action')} account={session.state === 'authenticated' ? session.user.email : undefined} />
      )}
      {!flow && !problem && <Skeleton />}
    </Dialog>
  )
}
