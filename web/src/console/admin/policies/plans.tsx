import { useSuspenseQuery } from '@tanstack/react-query'
import { Plus, Split } from 'lucide-react'
import { useState } from 'react'

import { answer, api } from '../../../api/client'
import { Button } from '../../../components/button'
import { Card, PageHeader } from '../../../components/card'
import { Row, Rows } from '../../../components/rows'
import { useCan } from '../../../session/session'
import { queries } from '../../queries'
import { useAct } from '../act'
import { Asking } from '../parts'
import { plans, type Plan } from './data'
import { PlanDialog } from './plan-dialog'
import { PlanText } from './plan-text'
import { Points } from './points'
import { texts } from './texts'

/** Fetches the plans before their page is shown. */
export const loader = () => queries.ensureQueryData(plans)

/** Which engines answer questions about which type of resource, in words. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const { data } = useSuspenseQuery(plans)
  const [setting, setSetting] = useState<Partial<Plan>>()
  const may = can('cardea:plan.write')
  const remove = useAct((type: string) => answer(api.DELETE('/api/plans/{type}', { params: { path: { type } } })), { stale: ['plans'], done: t('plan.removed') })
  const sorted = [...data.items].sort((a, b) => Number(a.type === '*') - Number(b.type === '*'))
  return (
    <>
      <PageHeader
        title={t('plans.title')}
        description={t('plans.text')}
        actions={may && <Button icon={<Plus size={18} aria-hidden />} onClick={() => setSetting({ roles: true })}>{t('plan.add')}</Button>}
      />
      <Card>
        <Rows label={t('plans.title')}>
          {sorted.map((p) => (
            <Row
              key={p.type}
              icon={<Split size={18} />}
              title={p.type === '*' ? t('plan.others') : <bdi className="font-mono">{p.type}</bdi>}
              action={may && (
                <>
                  <Button size="small" look="secondary" aria-label={t('plan.change_of', { type: p.type })} onClick={() => setSetting(p)}>
                    {t('plan.change')}
                  </Button>
                  <Asking size="small" label={t('plan.remove_of', { type: p.type })} title={t('plan.remove.title', { type: p.type })} text={p.type === '*' ? t('plan.remove.others') : t('plan.remove.text')} confirm={t('plan.remove')} run={() => remove.mutateAsync(p.type)}>
                    {t('plan.remove')}
                  </Asking>
                </>
              )}
            >
              <PlanText plan={p} />
            </Row>
          ))}
          {!data.items.some((p) => p.type === '*') && (
            <Row icon={<Split size={18} />} title={data.items.length ? t('plan.others') : t('plan.all')}>
              {t('plan.default')}
            </Row>
          )}
        </Rows>
      </Card>
      <p className="mt-4 mb-6 max-w-3xl text-sm text-muted">{t('plans.rule')}</p>
      {can('cardea:point.read') && <Points />}
      {setting && <PlanDialog start={setting} close={() => setSetting(undefined)} />}
    </>
  )
}
