import { ChevronRight, UserRoundPlus } from 'lucide-react'
import { useState } from 'react'

import { ProblemAlert } from '../components/problem-alert'
import { Skeleton } from '../components/skeleton'
import { recoverSession } from '../session/session'
import { page } from './address'
import { Refused } from './flow-page'
import { Layout } from './layout'
import { decide } from './request'
import { texts } from './texts'
import { useStart } from './use-start'

const row = 'flex w-full items-center gap-3 rounded-control border border-line-strong px-4 py-3 text-start hover:bg-sunken'

/** Asks as whom to go on: the account that is signed in, or another. */
export function SelectAccountPage() {
  const t = texts.use()
  const { value: session, problem } = useStart(async () => {
    const s = await recoverSession()
    if (s.state !== 'authenticated') {
      location.assign(page('/sign-in'))
      return new Promise<never>(() => undefined)
    }
    return s
  })
  const [refusal, setRefusal] = useState<unknown>()
  if (problem) return <Refused problem={problem} />
  return (
    <Layout title={t('select.title')} lead={t('select.lead')}>
      <ProblemAlert problem={refusal} />
      {session ? (
        <div className="flex flex-col gap-3">
          <button type="button" className={row} onClick={() => void decide({ select: true }).catch(setRefusal)}>
            <span aria-hidden className="grid size-10 shrink-0 place-items-center rounded-full bg-accent font-semibold text-on-accent">
              {[...(session.user.name || session.user.email || '?')][0]?.toUpperCase()}
            </span>
            <span className="min-w-0 flex-1">
              {session.user.name && <bdi className="block font-semibold">{session.user.name}</bdi>}
              <bdi className="block text-sm text-muted">{session.user.email ?? session.user.id}</bdi>
            </span>
            <ChevronRight size={18} className="shrink-0 text-muted" aria-hidden />
          </button>
          <a href={page('/sign-in')} className={row}>
            <span aria-hidden className="grid size-10 shrink-0 place-items-center rounded-full bg-sunken text-muted">
              <UserRoundPlus size={19} />
            </span>
            <span className="flex-1">{t('select.other')}</span>
            <ChevronRight size={18} className="shrink-0 text-muted" aria-hidden />
          </a>
        </div>
      ) : (
        <Skeleton />
      )}
    </Layout>
  )
}
