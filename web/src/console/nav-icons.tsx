import {
  AppWindow, Building2, CircleUserRound, Compass, Database, FlaskConical, Gauge, History, KeyRound, Layers, ListChecks, Mail, MonitorSmartphone, Network, Palette, Scale, ScrollText, Settings, ShieldCheck, Split, Tags, UserCog,
  UserRound, Users, UsersRound,
} from 'lucide-react'

import type { IconName } from './page'

const icons = {
  activity: History, apps: AppWindow, audit: ScrollText, account: CircleUserRound, data: Database, decisions: ListChecks, devices: MonitorSmartphone, explorer: Compass, groups: UsersRound, keys: KeyRound, mail: Mail,
  orgs: Building2, overview: Gauge, plans: Split, policies: Scale, preferences: Palette, profile: UserRound, roles: UserCog, sample: FlaskConical, scopes: Tags, settings: Settings, shield: ShieldCheck, stores: Network, tenants: Layers, users: Users,
} satisfies Record<IconName, unknown>

/** The icon of a page in the navigation. */
export function NavIcon({ name }: { name: IconName }) {
  const Icon = icons[name]
  return <Icon size={17} aria-hidden />
}
