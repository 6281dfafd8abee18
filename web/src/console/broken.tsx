import { Compass } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { Link, isRouteErrorResponse, useRevalidator, useRouteError } from 'react-router'

import { answer, api } from '../api/client'
import { Problem } from '../api/problem'
import { Button, buttonClasses } from '../components/button'
import { EmptyState } from '../components/empty-state'
import { ProblemAlert } from '../components/problem-alert'
import { useTitle } from '../components/use-title'
import { useSession } from '../session/session'
import { common } from '../texts/common'
import { texts } from './texts'

/** There is no such page, or nothing of that name. */
export function NotFound() {
  const t = texts.use()
  useTitle(t('not_found.title'))
  return (
    <EmptyState icon={<Compass aria-hidden />} title={t('not_found.title')} action={<Link to="/account" className={buttonClasses('secondary')}>{t('not_found.action')}</Link>}>
      {t('not_found.text')}
    </EmptyState>
  )
}

/** Shown in place of a page that could not be shown: why, and how to try again. */
export function Broken() {
  const [t, c] = [texts.use(), common.use()]
  const cause = useRouteError()
  const { revalidate, state } = useRevalidator()
  const session = useSession()
  const was = useRef(session.state)
  useEffect(() => {
    if (was.current === 'anonymous' && session.state === 'authenticated') void revalidate() // somebody has signed in again
    was.current = session.state
  }, [session.state, revalidate])
  const again = async () => {
    // A page whose program did not come is asked for anew: the browser remembers the failure, and a server that was
    // replaced meanwhile has other files. Without a connection nothing is given up.
    if (cause instanceof Problem && cause.code === 'offline' && (await answer(api.GET('/session')).then(() => true, () => false))) location.reload()
    else await revalidate()
  }
  useTitle(t('broken.title'))
  const missing = (isRouteErrorResponse(cause) && cause.status === 404) || (cause instanceof Problem && cause.status === 404)
  if (missing) return <NotFound />
  return (
    <div className="mx-auto max-w-xl py-10">
      <h1 className="mb-4 text-display">{t('broken.title')}</h1>
      <ProblemAlert problem={cause} />
      <Button className="mt-5" look="secondary" busy={state === 'loading'} onClick={() => void again()}>
        {c('try_again')}
      </Button>
    </div>
  )
}
