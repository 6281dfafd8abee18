import { MonitorSmartphone } from 'lucide-react'

import { answer, api, type Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import type { Column } from '../../components/table'
import { useCan } from '../../session/session'
import { useAct } from './act'
import { Time, UserName } from './names'
import { Asking } from './parts'
import { texts } from './texts'

/** The columns of a table of sessions, with the button that ends one. */
export function useSessionColumns(withUser: boolean): Column<Schema<'Session'>>[] {
  const [t, can] = [texts.use(), useCan()]
  const end = useAct((id: string) => answer(api.DELETE('/api/sessions/{session}', { params: { path: { session: id } } })), { stale: ['sessions'], done: t('session.ended') })
  return [
    ...(withUser ? [{ id: 'user', title: t('user.who'), cell: (s: Schema<'Session'>) => <UserName id={s.user} /> }] : []),
    {
      id: 'device', title: t('session.device'),
      cell: (s) => (
        <div className="flex gap-2.5">
          <MonitorSmartphone size={18} className="mt-px shrink-0 text-muted max-sm:hidden" aria-hidden />
          <div className="grid justify-items-start">
            <span className="user-text font-medium">{s.device || t('session.unknown')}</span>
            <bdi className="text-muted">{s.address}</bdi>
            {s.current && <Badge tone="accent">{t('session.current')}</Badge>}
          </div>
        </div>
      ),
    },
    { id: 'active', title: t('session.active'), cell: (s) => <Time at={s.active} /> },
    { id: 'proof', title: t('session.proof'), wideOnly: true, cell: (s) => s.amr.join(', ') },
    {
      id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
      cell: (s) =>
        can('cardea:session.revoke') && (
          <Asking
            size="small" title={t('session.end.title')} text={t('session.end.text', { device: s.device || t('session.unknown'), address: s.address ?? '–' })}
            confirm={t('session.end')} label={t('session.end_of', { device: s.device || t('session.unknown'), address: s.address ?? '–' })} run={() => end.mutateAsync(s.id)}
          >
            {t('session.end')}
          </Asking>
        ),
    },
  ]
}
