import { AppWindow, Building2, CircleUserRound, Database, History, KeyRound, MonitorSmartphone, Palette, ShieldCheck, UserRound } from 'lucide-react'

import type { Console } from '../page'
import { texts } from '../texts'

/** The pages in which people look after their own account. */
export const account: Console = {
  path: 'account',
  title: () => texts.text('account'),
  icon: CircleUserRound,
  pages: [
    { path: '', title: () => texts.text('nav.profile'), icon: UserRound, load: () => import('./profile') },
    { path: 'security', title: () => texts.text('nav.security'), icon: ShieldCheck, load: () => import('./security') },
    { path: 'devices', title: () => texts.text('nav.devices'), icon: MonitorSmartphone, load: () => import('./devices') },
    { path: 'activity', title: () => texts.text('nav.activity'), icon: History, load: () => import('./activity') },
    { path: 'applications', title: () => texts.text('nav.applications'), icon: AppWindow, load: () => import('./applications') },
    { path: 'organisations', title: () => texts.text('nav.organisations'), icon: Building2, load: () => import('./organisations') },
    { path: 'keys', title: () => texts.text('nav.api_keys'), icon: KeyRound, load: () => import('./api-keys') },
    { path: 'keys/new', load: () => import('./new-api-key') },
    { path: 'data', title: () => texts.text('nav.data'), icon: Database, load: () => import('./your-data') },
    { path: 'preferences', title: () => texts.text('nav.preferences'), icon: Palette, load: () => import('./preferences') },
  ],
}
