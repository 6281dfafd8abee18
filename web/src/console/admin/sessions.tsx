import { MonitorSmartphone } from 'lucide-react'

import { PageHeader } from '../../components/card'
import { EmptyState } from '../../components/empty-state'
import { sessions } from './data'
import { List } from './list'
import { useSessionColumns } from './session-table'
import { texts } from './texts'

/** Every browser in which somebody is signed in, newest first. */
export function Component() {
  const t = texts.use()
  return (
    <>
      <PageHeader title={t('sessions.title')} description={t('sessions.text')} />
      <List
        query={sessions}
        label={t('sessions.title')}
        rowKey={(s) => s.id}
        columns={useSessionColumns(true)}
        empty={<EmptyState icon={<MonitorSmartphone aria-hidden />} title={t('sessions.none')} />}
      />
    </>
  )
}
