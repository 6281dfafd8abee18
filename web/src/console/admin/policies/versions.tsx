import { useQuery } from '@tanstack/react-query'
import { FileClock } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'

import { answer, api } from '../../../api/client'
import { Alert } from '../../../components/alert'
import { Badge } from '../../../components/badge'
import { Button, buttonClasses } from '../../../components/button'
import { Dialog } from '../../../components/dialog'
import { EmptyState } from '../../../components/empty-state'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { useCan } from '../../../session/session'
import { common } from '../../../texts/common'
import { useAct } from '../act'
import { List } from '../list'
import { SubjectName, Time } from '../names'
import { Asking } from '../parts'
import { versions, type PolicySet } from './data'
import { Outcomes } from './outcomes'
import { texts } from './texts'

/** The versions of a set, the newest first: which one decides, who wrote it and why. */
export function Versions({ set }: { set: PolicySet }) {
  const [t, can] = [texts.use(), useCan()]
  const [running, setRunning] = useState(0)
  const activate = useAct((version: number) => answer(api.PUT('/api/policies/{set}/active', { params: { path: { set: set.name } }, body: { version } })), { stale: ['policies'], done: t('version.activated') })
  return (
    <>
      <List
        query={versions(set.name)}
        label={t('tab.versions')}
        rowKey={(v) => String(v.number)}
        columns={[
          {
            id: 'number', title: t('version'),
            cell: (v) => (
              <span className="flex flex-wrap items-center gap-2">
                <Link to={`/admin/policies/${set.name}?version=${v.number}`} className="font-medium text-accent underline-offset-3 hover:underline">
                  {t('version.n', { number: String(v.number) })}
                </Link>
                {v.number === set.active && <Badge tone="success">{t('version.active')}</Badge>}
                {v.number === set.previous && <Badge>{t('version.previous')}</Badge>}
              </span>
            ),
          },
          {
            id: 'written', title: t('version.written'),
            cell: (v) => (
              <div className="grid gap-0.5">
                <Time at={v.created} />
                {v.author && <span>{t('version.by')} <SubjectName subject={v.author} /></span>}
              </div>
            ),
          },
          { id: 'note', title: t('version.note'), cell: (v) => <span className="max-w-xs">{v.note || '–'}</span> },
          {
            id: 'do', title: <span className="sr-only">{t('actions')}</span>,
            cell: (v) => (
              <div className="flex flex-wrap gap-2 sm:justify-end">
                <Button look="secondary" size="small" aria-label={t('version.run_of', { number: String(v.number) })} onClick={() => setRunning(v.number)}>
                  {t('version.run')}
                </Button>
                <Link to={`/admin/policies/${set.name}?tab=compare&to=${v.number}`} aria-label={t('version.compare_of', { number: String(v.number) })} className={buttonClasses('secondary', 'small')}>
                  {t('version.compare')}
                </Link>
                {can('cardea:policy.activate') && v.number !== set.active && (
                  <Asking
                    size="small" look="primary" label={t('version.activate_of', { number: String(v.number) })} confirm={t('version.activate')} run={() => activate.mutateAsync(v.number)}
                    title={t('version.activate.title', { number: String(v.number), name: set.name })} text={t('version.activate.text')}
                  >
                    {t('version.activate')}
                  </Asking>
                )}
              </div>
            ),
          },
        ]}
        empty={<EmptyState icon={<FileClock aria-hidden />} title={t('versions.none')}>{t('versions.none.text')}</EmptyState>}
      />
      {running > 0 && <RunCases set={set.name} number={running} close={() => setRunning(0)} />}
    </>
  )
}

function RunCases({ set, number, close }: { set: string; number: number; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const { data, error, isPending } = useQuery({
    queryKey: ['admin', 'policy-check', set, number], staleTime: 0, gcTime: 0,
    queryFn: () => answer(api.POST('/api/policies/{set}/versions/{number}/test', { params: { path: { set, number } } })),
  })
  const failed = data?.items.filter((o) => !o.passed).length ?? 0
  return (
    <Dialog open onOpenChange={close} title={t('version.cases', { number: String(number) })} footer={<Button onClick={close}>{c('close')}</Button>}>
      <div className="grid grid-cols-1 gap-4">
        <ProblemAlert problem={error} />
        {isPending && <Skeleton />}
        {data && data.items.length === 0 && <Alert>{t('cases.none')}</Alert>}
        {data && data.items.length > 0 && <Alert tone={failed ? 'danger' : 'success'}>{failed ? t('cases.failed', { count: failed, of: String(data.items.length) }) : t('cases.passed', { count: data.items.length })}</Alert>}
        {data && <Outcomes outcomes={data.items} />}
      </div>
    </Dialog>
  )
}
