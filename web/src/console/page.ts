import type { ComponentType } from 'react'
import type { LoaderFunction } from 'react-router'

/** The icons of the navigation, by what they stand for; they are fetched after the page, see nav-icons.tsx. */
export type IconName =
  | 'account' | 'activity' | 'apps' | 'audit' | 'data' | 'decisions' | 'devices' | 'explorer' | 'groups' | 'keys' | 'mail' | 'orgs' | 'overview' | 'plans' | 'policies' | 'preferences' | 'profile'
  | 'roles' | 'sample' | 'scopes' | 'settings' | 'shield' | 'stores' | 'tenants' | 'users'

/** What the module of a page exports. `loader` fetches what the page shows, so that it never appears half empty. */
export interface PageModule {
  Component: ComponentType
  loader?: LoaderFunction
}

/** A page of a console. The table of them makes both the routes and the navigation. */
export interface Page {
  /** Below the console, such as '' or 'users/:user'. It must not be a path at which the API answers GET; a test looks. */
  path: string
  /** Its name in the navigation; without one it is reached from another page. A function, because the language changes. */
  title?: () => string
  icon?: IconName
  /** The group that it belongs to in the navigation; pages of one group stand together. */
  section?: () => string
  /** Hidden without this permission. The server decides again with every call. */
  needs?: string
  load: () => Promise<PageModule>
}

/** A console: some pages under one path. */
export interface Console {
  path: string
  title: () => string
  icon: IconName
  pages: readonly Page[]
}
