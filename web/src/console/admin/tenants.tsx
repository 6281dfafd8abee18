import { Layers, Plus } from 'lucide-react'
import { useState, type FormEvent } from 'react'

import { answer, api } from '../../api/client'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { PageHeader } from '../../components/card'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { common } from '../../texts/common'
import { useAct } from './act'
import { fieldError } from './application-new'
import { tenants } from './data'
import { List } from './list'
import { Time } from './names'
import { Asking, Code } from './parts'
import { texts } from './texts'

/** The tenants of this server, for administrators of the platform. */
export function Component() {
  const t = texts.use()
  const [adding, setAdding] = useState(false)
  const act = useAct(
    ({ id, disable }: { id: string; disable: boolean }) => {
      const path = { params: { path: { tenant: id } } }
      return disable ? answer(api.POST('/api/tenants/{tenant}/disable', path)) : answer(api.POST('/api/tenants/{tenant}/enable', path))
    },
    { stale: ['tenants'], done: t('tenant.changed') },
  )
  return (
    <>
      <PageHeader title={t('tenants.title')} description={t('tenants.text')} actions={<Button icon={<Plus size={18} aria-hidden />} onClick={() => setAdding(true)}>{t('tenants.add')}</Button>} />
      <List
        query={tenants}
        label={t('tenants.title')}
        rowKey={(x) => x.id}
        columns={[
          {
            id: 'name', title: t('tenant.name'),
            cell: (x) => (
              <div className="grid justify-items-start gap-1">
                <span className="user-text font-medium">{x.name}</span>
                <Code>{x.id}</Code>
              </div>
            ),
          },
          { id: 'state', title: t('user.state'), cell: (x) => (x.disabled ? <Badge tone="danger">{t('app.disabled')}</Badge> : <Badge tone="success">{t('tenant.open')}</Badge>) },
          { id: 'created', title: t('created'), wideOnly: true, cell: (x) => <Time at={x.created} day /> },
          {
            id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
            cell: (x) =>
              x.disabled ? (
                <Asking size="small" look="primary" title={t('tenant.enable.title', { name: x.name })} text={t('tenant.enable.text')} confirm={t('app.enable')} label={t('tenant.enable.title', { name: x.name })} run={() => act.mutateAsync({ id: x.id, disable: false })}>
                  {t('app.enable')}
                </Asking>
              ) : (
                <Asking size="small" title={t('tenant.disable.title', { name: x.name })} text={t('tenant.disable.text')} confirm={t('app.disable')} label={t('tenant.disable.title', { name: x.name })} run={() => act.mutateAsync({ id: x.id, disable: true })}>
                  {t('app.disable')}
                </Asking>
              ),
          },
        ]}
        empty={<EmptyState icon={<Layers aria-hidden />} title={t('tenants.none')} />}
      />
      {adding && <AddTenant close={() => setAdding(false)} />}
    </>
  )
}

function AddTenant({ close }: { close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [id, setId] = useState('')
  const [name, setName] = useState('')
  const add = useAct(() => answer(api.POST('/api/tenants', { body: { id, name } })), { stale: ['tenants'], done: t('tenants.added'), then: close })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    add.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={t('tenants.add')}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={add.error} />
        <TextField label={t('tenant.name')} required maxLength={200} value={name} onChange={(e) => setName(e.target.value)} error={fieldError(add.error, '/name')} />
        <TextField label={t('tenant.id')} hint={t('tenant.id.hint')} required maxLength={40} pattern="[a-z0-9\-]+" value={id} onChange={(e) => setId(e.target.value)} className="font-mono" dir="ltr" error={fieldError(add.error, '/id')} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={add.isPending}>
            {t('tenants.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
