import { useQuery } from '@tanstack/react-query'
import { useNavigate } from 'react-router'

import { answer, api } from '../../../api/client'
import { Alert } from '../../../components/alert'
import { Badge } from '../../../components/badge'
import { Button } from '../../../components/button'
import { Card } from '../../../components/card'
import { EmptyState } from '../../../components/empty-state'
import { LineDiff } from '../../../components/line-diff'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { queries } from '../../queries'
import { useAct } from '../act'
import { List } from '../list'
import { SubjectName, Time } from '../names'
import { Asking, Code, useParam } from '../parts'
import { Changes } from './changes'
import { difference, model, models, type Model, type Store } from './data'
import { keepDraft } from './draft'
import { StorePage } from './frame'
import { useCanHere } from './powers'
import { texts } from './texts'

export { loader } from './frame'

/** The versions of the model: which is used, who has written it, what changed, and the way back. */
export function Component() {
  return <StorePage>{(s) => <Versions key={s.id} s={s} />}</StorePage>
}

function Versions({ s }: { s: Store }) {
  const [t, can] = [texts.use(), useCanHere()]
  const navigate = useNavigate()
  const [shown, show] = useParam('show')
  const may = can('cardea:authz.store.update')
  const pin = useAct((version: string | undefined) => answer(api.PUT('/api/stores/{store}/pinned', { params: { path: { store: s.id } }, body: version ? { model: version } : {} })), {
    stale: ['stores', 'tuples'], done: t('pin.done'),
  })
  const edit = async (v: Model) => {
    const { text } = await queries.ensureQueryData(model(s.id, v.id))
    keepDraft(`${s.id}:model`, text)
    keepDraft(`${s.id}:base`, s.model)
    await navigate(`/admin/stores/${s.id}`)
  }
  return (
    <div className="grid grid-cols-1 gap-6">
      {s.pinned && (
        <Alert
          tone="warning"
          title={t('pin.is')}
          actions={
            may && (
              <Asking size="small" look="primary" title={t('pin.newest')} text={t('pin.newest.text')} confirm={t('pin.newest')} run={() => pin.mutateAsync(undefined)}>
                {t('pin.newest')}
              </Asking>
            )
          }
        >
          {t('pin.is.text')}
        </Alert>
      )}
      <List
        query={models(s.id)}
        label={t('tab.versions')}
        rowKey={(v) => v.id}
        columns={[
          {
            id: 'id', title: t('version'),
            cell: (v) => (
              <span className="flex flex-wrap items-center gap-2">
                <Code>{v.id}</Code>
                {v.id === s.model && <Badge tone="success">{t('version.used')}</Badge>}
                {v.id === s.latest && v.id !== s.model && <Badge>{t('version.newest')}</Badge>}
              </span>
            ),
          },
          { id: 'created', title: t('version.written'), cell: (v) => <Time at={v.created} /> },
          { id: 'author', title: t('version.author'), cell: (v) => (v.author ? <SubjectName subject={v.author} /> : <span className="text-muted">{t('version.author.unknown')}</span>) },
          {
            id: 'actions', title: t('version.actions'), end: true,
            cell: (v) => (
              <span className="flex flex-wrap gap-2 sm:justify-end">
                <Button size="small" look="secondary" aria-pressed={shown === v.id} aria-label={t('version.show.of', { version: v.id })} onClick={() => show(shown === v.id ? '' : v.id)}>
                  {t('version.show')}
                </Button>
                {can('cardea:authz.model.write') && (
                  <Button size="small" look="secondary" aria-label={t('version.edit.of', { version: v.id })} onClick={() => void edit(v)}>
                    {t('version.edit')}
                  </Button>
                )}
                {may && v.id !== s.model && (
                  <Asking size="small" look="primary" label={t('pin.of', { version: v.id })} title={t('pin.title')} text={t(v.id < (s.model ?? '') ? 'pin.back.text' : 'pin.text')} confirm={t('pin')} run={() => pin.mutateAsync(v.id)}>
                    {t('pin')}
                  </Asking>
                )}
              </span>
            ),
          },
        ]}
        empty={<EmptyState title={t('model.needed')}>{t('model.needed.text')}</EmptyState>}
      />
      {shown && s.model && <Compared key={shown} s={s} used={s.model} version={shown} />}
    </div>
  )
}

/** A version beside the one that is used: part by part, then line by line. */
function Compared({ s, used, version }: { s: Store; used: string; version: string }) {
  const t = texts.use()
  // What happened from the older to the newer, however somebody has chosen them.
  const [from, to] = version < used ? [version, used] : [used, version]
  const { data: before, error } = useQuery(model(s.id, from))
  const { data: after } = useQuery(model(s.id, to))
  const { data: changes, error: refused } = useQuery({ ...difference(s.id, from, to), enabled: from !== to })
  const problem = error ?? refused
  if (problem) return <ProblemAlert problem={problem} />
  if (!before || !after || (from !== to && !changes)) return <Skeleton />
  return (
    <Card title={t(from === to ? 'version.this' : 'version.compared')} description={from === to ? <Code>{version}</Code> : <><Code>{from}</Code> → <Code>{to}</Code></>}>
      <div className="grid grid-cols-1 gap-5">
        {changes && <Changes changes={changes.items} label={t('changes.title')} />}
        <LineDiff label={t('version.lines')} before={before.text ?? ''} after={after.text ?? ''} />
      </div>
    </Card>
  )
}
