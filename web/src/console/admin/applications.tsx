import { AppWindow, Bot, Globe, MonitorDown, Plus, type LucideIcon } from 'lucide-react'
import { Link } from 'react-router'

import type { Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import { buttonClasses } from '../../components/button'
import { PageHeader } from '../../components/card'
import { EmptyState } from '../../components/empty-state'
import { useCan } from '../../session/session'
import { clients } from './data'
import { List } from './list'
import { linkClasses, Time } from './names'
import { Code, Finder, useParam } from './parts'
import { texts } from './texts'

export type ClientType = Schema<'Client'>['type']

/** What runs where, for each type of application. */
export const typeIcons: Record<ClientType, LucideIcon> = { web: Globe, spa: AppWindow, native: MonitorDown, service: Bot }

/** All applications, found by name. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const [q] = useParam('q')
  const add = can('cardea:client.create') && (
    <Link to="/admin/applications/new" className={buttonClasses()}>
      <Plus size={18} aria-hidden />
      {t('apps.add')}
    </Link>
  )
  return (
    <>
      <PageHeader title={t('apps.title')} description={t('apps.text')} actions={add} />
      <Finder label={t('apps.find')} />
      <List
        query={clients(q)}
        label={t('apps.title')}
        rowKey={(a) => a.client_id}
        columns={[
          {
            id: 'name', title: t('app.app'),
            cell: (a) => (
              <div className="grid justify-items-start gap-1">
                <Link to={`/admin/applications/${encodeURIComponent(a.client_id)}`} className={linkClasses}>
                  {a.name}
                </Link>
                <Code>{a.client_id}</Code>
              </div>
            ),
          },
          {
            id: 'type', title: t('app.type'),
            cell: (a) => {
              const Icon = typeIcons[a.type]
              return (
                <span className="inline-flex flex-wrap items-center gap-2">
                  <Icon size={16} className="text-muted max-sm:hidden" aria-hidden />
                  {t(`app.type.${a.type}`)}
                  {a.disabled && <Badge tone="danger">{t('app.disabled')}</Badge>}
                </span>
              )
            },
          },
          { id: 'created', title: t('created'), end: true, wideOnly: true, cell: (a) => <Time at={a.created} day /> },
        ]}
        empty={
          <EmptyState icon={<AppWindow aria-hidden />} title={q ? t('apps.none_found', { text: q }) : t('apps.none')} action={q ? undefined : add}>
            {t('apps.none.text')}
          </EmptyState>
        }
      />
    </>
  )
}
