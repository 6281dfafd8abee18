import { useSuspenseQuery } from '@tanstack/react-query'
import { Undo2 } from 'lucide-react'
import { useNavigate, useParams, type LoaderFunctionArgs } from 'react-router'

import { answer, api } from '../../../api/client'
import { PageHeader } from '../../../components/card'
import { Tabs } from '../../../components/tabs'
import { useCan } from '../../../session/session'
import { queries } from '../../queries'
import { useAct } from '../act'
import { Asking, Back, useParam } from '../parts'
import { Compare } from './compare'
import { policySet } from './data'
import { EditTab } from './edit'
import { Decides } from './sets'
import { texts } from './texts'
import { Versions } from './versions'

/** Fetches the set before its page is shown. */
export const loader = ({ params }: LoaderFunctionArgs) => queries.ensureQueryData(policySet(params['set']!))

const tabs = ['edit', 'versions', 'compare'] as const
type Tab = (typeof tabs)[number]

/** One set of policies: what is being written, its versions, and how they differ. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const name = useParams()['set']!
  const { data: set } = useSuspenseQuery(policySet(name))
  const [tab, setTab] = useParam('tab')
  return (
    <>
      <Back to="/admin/policies">{t('sets.title')}</Back>
      <PageHeader
        title={set.name}
        description={
          <span className="grid justify-items-start gap-2">
            {set.description}
            <Decides active={set.active} said />
          </span>
        }
        actions={
          <>
            {can('cardea:policy.activate') && set.previous && <RollBack name={name} to={set.previous} />}
            {can('cardea:policy.delete') && <Delete name={name} />}
          </>
        }
      />
      <Tabs<Tab>
        key={name}
        label={t('set.tabs')}
        value={tabs.find((x) => x === tab) ?? 'edit'}
        onChange={setTab}
        tabs={[
          { id: 'edit', label: t('tab.edit'), content: <EditTab set={set} /> },
          { id: 'versions', label: t('tab.versions'), content: <Versions set={set} /> },
          { id: 'compare', label: t('tab.compare'), content: <Compare set={set} /> },
        ]}
      />
    </>
  )
}

function RollBack({ name, to }: { name: string; to: number }) {
  const t = texts.use()
  const back = useAct(() => answer(api.POST('/api/policies/{set}/rollback', { params: { path: { set: name } } })), { stale: ['policies'], done: t('set.rolled_back') })
  return (
    <Asking
      look="primary" icon={<Undo2 size={18} aria-hidden />} confirm={t('set.rollback')} run={() => back.mutateAsync()}
      title={t('set.rollback.title', { number: String(to) })} text={t('set.rollback.text')}
    >
      {t('set.rollback')}
    </Asking>
  )
}

function Delete({ name }: { name: string }) {
  const t = texts.use()
  const navigate = useNavigate()
  const remove = useAct(() => answer(api.DELETE('/api/policies/{set}', { params: { path: { set: name } } })), {
    stale: [], done: t('set.deleted'),
    then: async () => {
      await navigate('/admin/policies')
      queries.removeQueries({ queryKey: policySet(name).queryKey })
      void queries.invalidateQueries({ queryKey: ['admin', 'policies'] })
    },
  })
  return (
    <Asking title={t('set.delete.title', { name })} text={t('set.delete.text')} confirm={t('set.delete')} run={() => remove.mutateAsync()}>
      {t('set.delete')}
    </Asking>
  )
}
