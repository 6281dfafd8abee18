import { site } from '../../api/site'
import type { Console, Page } from '../page'
import { texts } from '../texts'

const people = () => texts.text('nav.people')
const applications = () => texts.text('nav.applications')
const access = () => texts.text('nav.access')
const operation = () => texts.text('nav.trust')

// Tenants are opened by administrators of the platform, whose accounts are in the system tenant.
const platform: readonly Page[] = site.base.endsWith('/t/system')
  ? [{ path: 'tenants', title: () => texts.text('nav.tenants'), icon: 'tenants', section: operation, needs: 'cardea:tenant.create', load: () => import('./tenants') }]
  : []

/** The pages of whoever administers a tenant. */
export const admin: Console = {
  path: 'admin',
  title: () => texts.text('admin'),
  icon: 'shield',
  pages: [
    { path: '', title: () => texts.text('nav.overview'), icon: 'overview', needs: 'cardea:audit.read', load: () => import('./overview') },

    { path: 'users', title: () => texts.text('nav.users'), icon: 'users', section: people, needs: 'cardea:user.read', load: () => import('./users') },
    { path: 'users/:user', load: () => import('./user') },
    { path: 'sessions', title: () => texts.text('nav.sessions'), icon: 'devices', section: people, needs: 'cardea:session.read', load: () => import('./sessions') },
    { path: 'organisations', title: () => texts.text('nav.organisations'), icon: 'orgs', section: people, needs: 'cardea:org.read', load: () => import('./organisations') },
    { path: 'organisations/:org', load: () => import('./organisation') },
    { path: 'groups', title: () => texts.text('nav.groups'), icon: 'groups', section: people, needs: 'cardea:group.read', load: () => import('./groups') },
    { path: 'groups/:group', load: () => import('./group') },

    { path: 'applications', title: () => texts.text('nav.applications'), icon: 'apps', section: applications, needs: 'cardea:client.read', load: () => import('./applications') },
    { path: 'applications/new', load: () => import('./application-new') },
    { path: 'applications/:client', load: () => import('./application') },
    { path: 'scopes', title: () => texts.text('nav.scopes'), icon: 'scopes', section: applications, needs: 'cardea:scope.read', load: () => import('./scopes') },

    { path: 'roles', title: () => texts.text('nav.roles'), icon: 'roles', section: access, needs: 'cardea:role.read', load: () => import('./roles') },
    { path: 'roles/:role', load: () => import('./role') },
    { path: 'explorer', title: () => texts.text('nav.explorer'), icon: 'explorer', section: access, needs: 'cardea:decision.ask', load: () => import('./explorer') },
    { path: 'stores', title: () => texts.text('nav.stores'), icon: 'stores', section: access, needs: 'cardea:authz.store.read', load: () => import('./stores/stores') },
    { path: 'stores/:store', load: () => import('./stores/model') },
    { path: 'stores/:store/versions', load: () => import('./stores/versions') },
    { path: 'stores/:store/tuples', load: () => import('./stores/tuples') },
    { path: 'stores/:store/ask', load: () => import('./stores/ask') },
    { path: 'stores/:store/tests', load: () => import('./stores/tests') },
    { path: 'policies', title: () => texts.text('nav.policies'), icon: 'policies', section: access, needs: 'cardea:policy.read', load: () => import('./policies/sets') },
    { path: 'policies/:set', load: () => import('./policies/set') },
    { path: 'plans', title: () => texts.text('nav.plans'), icon: 'plans', section: access, needs: 'cardea:plan.read', load: () => import('./policies/plans') },
    { path: 'decisions', title: () => texts.text('nav.decisions'), icon: 'decisions', section: access, needs: 'cardea:decision.read', load: () => import('./decisions/log') },
    { path: 'decisions/simulate', load: () => import('./decisions/simulate') },
    { path: 'decisions/:decision', load: () => import('./decisions/decision') },

    { path: 'audit', title: () => texts.text('nav.audit'), icon: 'audit', section: operation, needs: 'cardea:audit.read', load: () => import('./audit') },
    { path: 'keys', title: () => texts.text('nav.keys'), icon: 'keys', section: operation, needs: 'cardea:key.read', load: () => import('./keys') },
    { path: 'settings', title: () => texts.text('nav.settings'), icon: 'settings', section: operation, needs: 'cardea:tenant.read', load: () => import('./settings') },
    ...platform,
  ],
}
