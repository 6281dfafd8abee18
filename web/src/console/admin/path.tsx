import { ArrowDown, ArrowRight, Bot, Box as BoxIcon, Building2, KeySquare, UserCog, UserRound, UsersRound, type LucideIcon } from 'lucide-react'

import { classes } from '../../components/classes'
import type { Node, Step } from './decision'
import { ClientName, OrgName, UserName } from './names'
import { texts } from './texts'

/** The way from who asks to what is permitted, as a picture. */
export function Path({ steps }: { steps: readonly Step[] }) {
  const t = texts.use()
  if (steps.length === 0) return null
  return (
    <div>
      <h3 className="mb-3 text-sm font-semibold text-muted">{t('explorer.path')}</h3>
      <ol className="flex flex-col items-stretch gap-1 sm:flex-row sm:flex-wrap sm:items-center sm:gap-2">
        <Box node={steps[0]!.from} />
        {steps.map((s, i) => (
          <li key={i} className="contents">
            <ol className="contents">
              <li className="flex items-center gap-1.5 ps-4 text-xs font-medium text-muted sm:ps-0">
                <ArrowDown size={15} aria-hidden className="sm:hidden" />
                <Relation of={s} />
                <ArrowRight size={15} aria-hidden className="max-sm:hidden rtl:rotate-180" />
              </li>
              <Box node={s.to} last={i === steps.length - 1} />
            </ol>
          </li>
        ))}
      </ol>
    </div>
  )
}

const icons: Record<string, LucideIcon> = { user: UserRound, service: Bot, group: UsersRound, org: Building2, role: UserCog, org_role: UserCog, permission: KeySquare }
const kinds = { user: 'subject.user', service: 'subject.service', group: 'subject.group', role: 'role.role', org: 'org.org', org_role: 'explorer.org_role', permission: 'role.permission' } as const

/** A relation in words where it is one of Cardea's own, else as the application calls it. */
function Relation({ of: { from, relation, to } }: { of: Step }) {
  const t = texts.use()
  if (relation === 'member') return t('explorer.member')
  if (relation === 'granted') return t('explorer.permits')
  if (to.type === 'role' || to.type === 'org_role') return t(from.type === 'role' ? 'explorer.includes' : 'explorer.has_role')
  return <bdi className="user-text font-mono">{relation}</bdi>
}

function Box({ node, last = false }: { node: Node; last?: boolean }) {
  const t = texts.use()
  const Icon = icons[node.type] ?? BoxIcon
  const [at = '', role = ''] = node.type === 'org_role' ? [node.id.slice(0, node.id.indexOf('/')), node.id.slice(node.id.indexOf('/') + 1)] : []
  return (
    <li className={classes('flex min-w-0 items-center gap-3 rounded-control border px-3.5 py-2.5', last ? 'border-accent bg-accent-soft' : 'border-line-strong bg-surface')}>
      <Icon size={18} aria-hidden className="shrink-0 text-accent" />
      <span className="min-w-0">
        <span className="user-text block text-xs text-muted">{node.type in kinds ? t(kinds[node.type as keyof typeof kinds]) : node.type}</span>
        <span className="user-text block font-medium [&_a]:underline">
          {node.type === 'user' ? <UserName id={node.id} /> : node.type === 'service' ? <ClientName id={node.id} /> : node.type === 'org_role' ? <>{role} · <OrgName id={at} /></> : node.id}
        </span>
      </span>
    </li>
  )
}
