import { KeyRound } from 'lucide-react'
import { useState, type FormEvent } from 'react'

import { answer, api, type Schema } from '../../api/client'
import { Button } from '../../components/button'
import { CopyField } from '../../components/copy-field'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { SelectField, TextArea, TextField } from '../../components/field'
import { Alert } from '../../components/alert'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { useAct } from './act'
import { apiKeys } from './data'
import { List } from './list'
import { Time } from './names'
import { Asking, Code, linesOf, some } from './parts'
import { texts } from './texts'

type Owner = 'user' | 'service'

/** The API keys of a user or a service: made here and shown once, replaced, ended. */
export function APIKeys({ owner, id, name }: { owner: Owner; id: string; name: string }) {
  const [t, can] = [texts.use(), useCan()]
  const [making, setMaking] = useState(false)
  const [secret, setSecret] = useState<Schema<'CreatedAPIKey'>>()
  const rotate = useAct((key: string) => answer(api.POST('/api/apikeys/{apikey}/rotate', { params: { path: { apikey: key } }, body: { overlap: 3600 } })), { stale: ['apikeys'], then: setSecret })
  const end = useAct((key: string) => answer(api.DELETE('/api/apikeys/{apikey}', { params: { path: { apikey: key } } })), { stale: ['apikeys'], done: t('apikey.ended') })
  const make = can('cardea:apikey.create') && (
    <Button size="small" onClick={() => setMaking(true)} icon={<KeyRound size={16} aria-hidden />}>
      {t('apikey.make')}
    </Button>
  )
  return (
    <div className="grid grid-cols-1 gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-xl text-sm text-muted">{t('apikey.text')}</p>
        {make}
      </div>
      <List
        query={apiKeys(owner, id)}
        label={t('apikeys')}
        rowKey={(k) => k.id}
        columns={[
          {
            id: 'name', title: t('apikey.name'),
            cell: (k) => (
              <div className="grid justify-items-start gap-1">
                <span className="user-text font-medium">{k.name}</span>
                <Code>{k.hint}…</Code>
              </div>
            ),
          },
          { id: 'scopes', title: t('scopes.title'), wideOnly: true, cell: (k) => (k.scopes.length ? k.scopes.join(' ') : '–') },
          { id: 'used', title: t('apikey.used'), wideOnly: true, cell: (k) => (k.last_used ? <Time at={k.last_used} /> : t('apikey.never')) },
          { id: 'expires', title: t('expires'), cell: (k) => (k.expires ? <Time at={k.expires} day /> : t('never')) },
          {
            id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
            cell: (k) => (
              <div className="flex flex-wrap justify-end gap-2">
                {can('cardea:apikey.create') && (
                  <Asking size="small" look="primary" title={t('apikey.rotate.title', { name: k.name })} text={t('apikey.rotate.text')} confirm={t('apikey.rotate')} label={t('apikey.rotate.title', { name: k.name })} run={() => rotate.mutateAsync(k.id)}>
                    {t('apikey.rotate')}
                  </Asking>
                )}
                {can('cardea:apikey.revoke') && (
                  <Asking size="small" title={t('apikey.end.title', { name: k.name })} text={t('apikey.end.text')} confirm={t('apikey.end')} label={t('apikey.end.title', { name: k.name })} run={() => end.mutateAsync(k.id)}>
                    {t('apikey.end')}
                  </Asking>
                )}
              </div>
            ),
          },
        ]}
        empty={
          <EmptyState icon={<KeyRound aria-hidden />} title={t('apikey.none')} action={make}>
            {t('apikey.none.text')}
          </EmptyState>
        }
      />
      {making && <MakeKey owner={owner} id={id} name={name} close={() => setMaking(false)} made={setSecret} />}
      {secret && (
        <Dialog open onOpenChange={() => setSecret(undefined)} title={<span className="user-text">{t('apikey.made', { name: secret.key.name })}</span>} footer={<Button onClick={() => setSecret(undefined)}>{t('secret.kept')}</Button>}>
          <div className="grid grid-cols-1 gap-4">
            <Alert tone="warning">{t('secret.once')}</Alert>
            <CopyField label={t('apikey.secret')} value={secret.secret} />
          </div>
        </Dialog>
      )}
    </div>
  )
}

function MakeKey({ owner, id, name, close, made }: { owner: Owner; id: string; name: string; close: () => void; made: (k: Schema<'CreatedAPIKey'>) => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [called, setCalled] = useState('')
  const [scopes, setScopes] = useState('')
  const [days, setDays] = useState('365')
  const make = useAct(
    () => {
      const list = some(linesOf(scopes))
      const body: Schema<'NewAPIKey'> = { name: called, life: Number(days) * 86_400, ...(list && { scopes: list }) }
      return owner === 'user'
        ? answer(api.POST('/api/users/{user}/apikeys', { params: { path: { user: id } }, body }))
        : answer(api.POST('/api/clients/{client}/apikeys', { params: { path: { client: id } }, body }))
    },
    {
      stale: ['apikeys'],
      then: (key) => {
        close()
        made(key)
      },
    },
  )
  const submit = (e: FormEvent) => {
    e.preventDefault()
    make.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={<span className="user-text">{t('apikey.make_for', { name })}</span>}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={make.error} />
        <TextField label={t('apikey.name')} hint={t('apikey.name.hint')} required maxLength={100} value={called} onChange={(e) => setCalled(e.target.value)} />
        <TextArea label={t('scopes.title')} hint={t('apikey.scopes.hint')} rows={2} value={scopes} onChange={(e) => setScopes(e.target.value)} className="font-mono text-sm" />
        <SelectField label={t('apikey.life')} value={days} onChange={(e) => setDays(e.target.value)}>
          {[7, 30, 90, 365].map((n) => (
            <option key={n} value={n}>
              {t('assign.days', { count: n })}
            </option>
          ))}
        </SelectField>
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={make.isPending}>
            {t('apikey.make')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
