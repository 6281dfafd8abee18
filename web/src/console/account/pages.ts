import type { Console } from '../page'
import { texts } from '../texts'

/** The pages in which people look after their own account. */
export const account: Console = {
  path: 'account',
  title: () => texts.text('account'),
  icon: 'account',
  pages: [
    { path: '', title: () => texts.text('nav.profile'), icon: 'profile', load: () => import('./profile') },
    { path: 'security', title: () => texts.text('nav.security'), icon: 'shield', load: () => import('./security') },
    { path: 'devices', title: () => texts.text('nav.devices'), icon: 'devices', load: () => import('./devices') },
    { path: 'activity', title: () => texts.text('nav.activity'), icon: 'activity', load: () => import('./activity') },
    { path: 'applications', title: () => texts.text('nav.applications'), icon: 'apps', load: () => import('./applications') },
    { path: 'organisations', title: () => texts.text('nav.organisations'), icon: 'orgs', load: () => import('./organisations') },
    { path: 'keys', title: () => texts.text('nav.api_keys'), icon: 'keys', load: () => import('./api-keys') },
    { path: 'keys/new', load: () => import('./new-api-key') },
    { path: 'data', title: () => texts.text('nav.data'), icon: 'data', load: () => import('./your-data') },
    { path: 'preferences', title: () => texts.text('nav.preferences'), icon: 'preferences', load: () => import('./preferences') },
  ],
}
