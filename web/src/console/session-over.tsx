import { useEffect, useRef } from 'react'

import { site } from '../api/site'
import { ConfirmDialog } from '../components/dialog'
import { useSession, type Person } from '../session/session'
import { texts } from './texts'

/**
 * Says that the session has ended while somebody was at work, and keeps what was entered: signing in happens in
 * another tab, which tells this one. Another account than before starts afresh, so that nothing of one person is
 * shown to the next.
 */
export function SessionOver({ user }: { user: Person | undefined }) {
  const t = texts.use()
  const session = useSession()
  const first = useRef(user?.id)
  useEffect(() => {
    first.current ??= user?.id
    if (session.state === 'authenticated' && session.user.id !== first.current) location.reload()
  }, [session, user])
  const signIn = () => void window.open(`${site.base}/sign-in?return_to=%2Faccount`, '_blank', 'noopener')
  return (
    <ConfirmDialog
      open={session.state === 'anonymous' && session.expired}
      onOpenChange={() => undefined}
      closable={false}
      title={t('session_over.title')}
      confirm={t('session_over.action')}
      look="primary"
      onConfirm={signIn}
    >
      {t('session_over.text')}
    </ConfirmDialog>
  )
}
