import type { ReactNode } from 'react'

import type { Schema } from '../../api/client'
import { Table } from '../../components/table'
import { useCan } from '../../session/session'
import { useAct } from './act'
import { PlaceName, SubjectName, Time } from './names'
import { Asking } from './parts'
import { texts } from './texts'

type Assignment = Schema<'Assignment'>

/** The roles that somebody has, each with where, until when, and a button that takes it back. */
export function RoleTable({ assignments, who, take, empty }: { assignments: readonly Assignment[]; who: string; take: (a: Assignment) => Promise<unknown>; empty: ReactNode }) {
  const [t, can] = [texts.use(), useCan()]
  const back = useAct(take, { stale: ['assignments'], done: t('assign.taken') })
  return (
    <Table
      label={t('roles.title')}
      rows={assignments}
      rowKey={(a) => `${a.role} ${a.org ?? ''} ${a.store ?? ''}`}
      columns={[
        { id: 'role', title: t('role.role'), cell: (a) => <SubjectName subject={{ type: 'role', id: a.role }} /> },
        { id: 'where', title: t('assign.where'), cell: (a) => <PlaceName of={a} /> },
        { id: 'until', title: t('assign.until'), wideOnly: true, cell: (a) => (a.expires ? <Time at={a.expires} /> : t('assign.no_end')) },
        {
          id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
          cell: (a) =>
            can('cardea:role.unassign') && (
              <Asking size="small" title={t('assign.take.title', { role: a.role, who })} text={t('assign.take.text')} confirm={t('assign.take')} label={t('assign.take.title', { role: a.role, who })} run={() => back.mutateAsync(a)}>
                {t('assign.take')}
              </Asking>
            ),
        },
      ]}
      empty={empty}
    />
  )
}
