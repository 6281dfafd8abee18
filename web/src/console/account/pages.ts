import { CircleUserRound, UserRound } from 'lucide-react'

import type { Console } from '../page'
import { texts } from '../texts'

/** The pages in which people look after their own account. */
export const account: Console = {
  path: 'account',
  title: () => texts.text('account'),
  icon: CircleUserRound,
  pages: [{ path: '', title: () => texts.text('nav.profile'), icon: UserRound, load: () => import('./profile') }],
}
