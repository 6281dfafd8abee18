import { useInfiniteQuery, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { KeyRound, UserCog } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useNavigate, useParams, type LoaderFunctionArgs } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Alert } from '../../components/alert'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, Facts, PageHeader } from '../../components/card'
import { Checkbox } from '../../components/checkbox'
import { CopyField } from '../../components/copy-field'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { SelectField, TextArea, TextField, useFirstWrong } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { Skeleton } from '../../components/skeleton'
import { Tabs } from '../../components/tabs'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { queries } from '../queries'
import { useAct } from './act'
import { APIKeys } from './api-keys'
import { fieldError, ScopeBoxes } from './application-new'
import { AssignDialog, unassign } from './assign'
import { client, rolesOfClient, scopes } from './data'
import { OrgName, Time } from './names'
import { Asking, Back, linesOf, useParam } from './parts'
import { RoleTable } from './role-table'
import { Snippets } from './snippet-view'
import { texts } from './texts'

type Client = Schema<'Client'>
type Settings = Schema<'ClientSettings'>

/** Fetches the application before its page is shown. */
export const loader = ({ params }: LoaderFunctionArgs) => queries.ensureQueryData(client(params['client']!))

/** The applications that are part of Cardea have a grant that nobody else may have. */
const isOurs = (a: Client) => (a.grants as readonly string[] | undefined)?.includes('session') ?? false

/** One application: what to put into the program, what it may do, its secrets and keys. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const { data: a } = useSuspenseQuery(client(useParams()['client']!))
  const [tab, setTab] = useParam('tab')
  const service = a.type === 'service'
  const tabs = [
    { id: 'start', label: t('app.tab.start'), content: <Start a={a} /> },
    ...(can('cardea:client.update') && !isOurs(a) ? [{ id: 'settings', label: t('app.tab.settings'), content: <SettingsForm key={JSON.stringify(a)} a={a} /> }] : []),
    ...(service && can('cardea:apikey.read') ? [{ id: 'keys', label: t('apikeys'), content: <APIKeys owner="service" id={a.client_id} name={a.name} /> }] : []),
    ...(service && can('cardea:role.read') ? [{ id: 'roles', label: t('roles.title'), content: <Roles a={a} /> }] : []),
  ]
  return (
    <>
      <Back to="/admin/applications">{t('apps.title')}</Back>
      <PageHeader
        title={a.name}
        description={
          <span className="flex flex-wrap items-center gap-2">
            <Badge>{t(`app.type.${a.type}`)}</Badge>
            {a.disabled && <Badge tone="danger">{t('app.disabled')}</Badge>}
            {a.first_party && <Badge tone="accent">{t('app.first_party')}</Badge>}
          </span>
        }
        actions={!isOurs(a) && <Actions a={a} />}
      />
      {isOurs(a) && <div className="mb-6"><Alert>{t('app.ours')}</Alert></div>}
      <Tabs label={t('app.tabs')} value={tabs.some((x) => x.id === tab) ? tab : 'start'} onChange={setTab} tabs={tabs} />
    </>
  )
}

function Actions({ a }: { a: Client }) {
  const [t, can] = [texts.use(), useCan()]
  const navigate = useNavigate()
  const path = { params: { path: { client: a.client_id } } }
  const disable = useAct(() => answer(api.POST('/api/clients/{client}/disable', path)), { stale: ['clients'], done: t('app.was_disabled') })
  const enable = useAct(() => answer(api.POST('/api/clients/{client}/enable', path)), { stale: ['clients'], done: t('app.was_enabled') })
  const endTokens = useAct(() => answer(api.POST('/api/clients/{client}/end-tokens', path)), { stale: ['clients'], done: t('app.tokens_ended') })
  const remove = useAct(() => answer(api.DELETE('/api/clients/{client}', path)), {
    stale: [], done: t('app.deleted'),
    then: async () => {
      await navigate('/admin/applications')
      queries.removeQueries({ queryKey: client(a.client_id).queryKey })
      void queries.invalidateQueries({ queryKey: ['admin', 'clients', 'list'] })
    },
  })
  const name = a.name
  return (
    <>
      {can('cardea:client.end_tokens') && (
        <Asking title={t('app.end_tokens.title', { name })} text={t('app.end_tokens.text')} confirm={t('app.end_tokens')} run={() => endTokens.mutateAsync()}>
          {t('app.end_tokens')}
        </Asking>
      )}
      {a.disabled && can('cardea:client.enable') && (
        <Asking look="primary" title={t('app.enable.title', { name })} text={t('app.enable.text')} confirm={t('app.enable')} run={() => enable.mutateAsync()}>
          {t('app.enable')}
        </Asking>
      )}
      {!a.disabled && can('cardea:client.disable') && (
        <Asking title={t('app.disable.title', { name })} text={t('app.disable.text')} confirm={t('app.disable')} run={() => disable.mutateAsync()}>
          {t('app.disable')}
        </Asking>
      )}
      {can('cardea:client.delete') && (
        <Asking title={t('app.delete.title', { name })} text={t('app.delete.text')} confirm={t('app.delete')} run={() => remove.mutateAsync()}>
          {t('app.delete')}
        </Asking>
      )}
    </>
  )
}

function Start({ a }: { a: Client }) {
  const [t, can] = [texts.use(), useCan()]
  const [rotating, setRotating] = useState(false)
  const secret = a.token_endpoint_auth_method === 'client_secret_basic' || a.token_endpoint_auth_method === 'client_secret_post'
  return (
    <div className="grid grid-cols-1 gap-6">
      <Card
        title={t('app.credentials')}
        actions={secret && can('cardea:client.rotate_secret') && !isOurs(a) && <Button look="secondary" size="small" icon={<KeyRound size={16} aria-hidden />} onClick={() => setRotating(true)}>{t('app.rotate')}</Button>}
      >
        <div className="grid gap-5">
          <CopyField label="client_id" value={a.client_id} />
          <Facts
            items={[
              ...(secret
                ? [[
                    t('app.secret'),
                    a.secrets.map((s) => (
                      <span key={s.id} className="block">
                        {t('app.secret.made')} <Time at={s.created} />
                        {s.expires && <> · {t('app.secret.until')} <Time at={s.expires} /></>}
                      </span>
                    )),
                  ] as const]
                : []),
              [t('app.auth'), <code className="font-mono text-sm">{a.token_endpoint_auth_method}</code>],
              ...(a.redirect_uris?.length ? [[t('app.redirects'), <Lines of={a.redirect_uris} />] as const] : []),
              ...(a.post_logout_redirect_uris?.length ? [[t('app.logouts'), <Lines of={a.post_logout_redirect_uris} />] as const] : []),
              [t('app.scopes'), <Lines of={a.scopes ?? []} />],
              [t('app.grants'), <Lines of={a.grants ?? []} />],
              ...(a.audience?.length ? [[t('app.audience'), <Lines of={a.audience} />] as const] : []),
              ...(a.org ? [[t('org.org'), <OrgName id={a.org} />] as const] : []),
              [t('created'), <Time at={a.created} />],
            ]}
          />
        </div>
      </Card>
      {!isOurs(a) && <Snippets client={a} />}
      {rotating && <Rotate a={a} close={() => setRotating(false)} />}
    </div>
  )
}

function Lines({ of }: { of: readonly string[] }) {
  return of.length === 0 ? <>–</> : <>{of.map((x) => <bdi key={x} className="block font-mono text-sm">{x}</bdi>)}</>
}

function Rotate({ a, close }: { a: Client; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [overlap, setOverlap] = useState('86400')
  const rotate = useAct(() => answer(api.POST('/api/clients/{client}/rotate-secret', { params: { path: { client: a.client_id } }, body: { overlap: Number(overlap) } })), { stale: ['clients'] })
  const secret = rotate.data?.client_secret
  return (
    <Dialog open onOpenChange={close} title={<span className="user-text">{t('app.rotate.title', { name: a.name })}</span>} description={secret ? undefined : t('app.rotate.text')}>
      {secret ? (
        <div className="grid grid-cols-1 gap-4">
          <Alert tone="warning">{t('secret.once')}</Alert>
          <CopyField label="client_secret" value={secret} />
          <Button className="justify-self-end" onClick={close}>
            {t('secret.kept')}
          </Button>
        </div>
      ) : (
        <div className="grid gap-5">
          <ProblemAlert problem={rotate.error} />
          <SelectField label={t('app.overlap')} value={overlap} onChange={(e) => setOverlap(e.target.value)}>
            <option value="0">{t('app.overlap.none')}</option>
            <option value="3600">{t('assign.hours', { count: 1 })}</option>
            <option value="86400">{t('assign.days', { count: 1 })}</option>
            <option value="604800">{t('assign.days', { count: 7 })}</option>
          </SelectField>
          <div className="flex flex-wrap justify-end gap-3">
            <Button look="secondary" onClick={close}>
              {c('cancel')}
            </Button>
            <Button busy={rotate.isPending} onClick={() => rotate.mutate()}>
              {t('app.rotate')}
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  )
}

/** The settings of a client without what cannot be set. */
function settingsOf({ client_id: _id, type: _type, disabled: _disabled, created: _created, secrets: _secrets, ...rest }: Client): Settings {
  return rest
}

function SettingsForm({ a }: { a: Client }) {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const [s, setS] = useState<Settings>(() => settingsOf(a))
  // Lists are written one entry to a line, and read when they are sent.
  const [lists, setLists] = useState({
    redirect_uris: (a.redirect_uris ?? []).join('\n'), post_logout_redirect_uris: (a.post_logout_redirect_uris ?? []).join('\n'), origins: (a.origins ?? []).join('\n'),
    audience: (a.audience ?? []).join('\n'), serves: (a.serves ?? []).join('\n'),
  })
  const { data: declared } = useInfiniteQuery({ ...scopes, enabled: can('cardea:scope.read') })
  const save = useAct(
    () =>
      answer(api.PUT('/api/clients/{client}', {
        params: { path: { client: a.client_id } },
        body: { ...s, redirect_uris: linesOf(lists.redirect_uris), post_logout_redirect_uris: linesOf(lists.post_logout_redirect_uris), origins: linesOf(lists.origins), audience: linesOf(lists.audience), serves: linesOf(lists.serves) },
      })),
    { stale: ['clients'], done: c('saved') },
  )
  const set = <K extends keyof Settings>(key: K, value: Settings[K]) => setS((now) => ({ ...now, [key]: value }))
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  const area = (key: keyof typeof lists, label: string, hint: string) => (
    <TextArea label={label} hint={hint} rows={Math.min(6, lists[key].split('\n').length + 1)} dir="ltr" className="font-mono text-sm" value={lists[key]} error={fieldError(save.error, '/' + key)} onChange={(e) => setLists((now) => ({ ...now, [key]: e.target.value }))} />
  )
  const service = a.type === 'service'
  const confidential = service || a.type === 'web'
  const possible = service ? (['client_credentials'] as const) : a.type === 'web' ? (['authorization_code', 'refresh_token', 'client_credentials'] as const) : (['authorization_code', 'refresh_token'] as const)
  const own = declared?.pages.flatMap((p) => p.items.map((x) => x.name)) ?? []
  const offered = [...new Set([...(service ? [] : ['openid', 'profile', 'email', 'offline_access']), ...own, ...(a.scopes ?? [])])]
  return (
    <form ref={useFirstWrong(save.error)} className="grid grid-cols-1 gap-6" onSubmit={submit}>
      <ProblemAlert problem={save.error} />
      <Card title={t('app.general')}>
        <div className="grid gap-5">
          <TextField label={t('app.name')} hint={t('app.name.hint')} required maxLength={200} value={s.name} error={fieldError(save.error, '/name')} onChange={(e) => set('name', e.target.value)} />
          {!service && (
            <>
              {area('redirect_uris', t('app.redirects'), t('app.redirects.hint'))}
              {area('post_logout_redirect_uris', t('app.logouts'), t('app.logouts.hint'))}
              {area('origins', t('app.origins'), t('app.origins.hint'))}
              <Checkbox label={t('app.first_party')} hint={t('app.first_party.hint')} checked={s.first_party ?? false} onChange={(e) => set('first_party', e.target.checked)} />
            </>
          )}
        </div>
      </Card>
      <Card title={t('app.may')}>
        <div className="grid gap-5">
          {offered.length > 0 && <ScopeBoxes offered={offered} picked={s.scopes ?? []} onChange={(next) => set('scopes', next)} />}
          <fieldset>
            <legend className="mb-2 text-sm font-medium">{t('app.grants')}</legend>
            <div className="grid gap-2.5 sm:grid-cols-2">
              {possible.map((g) => (
                <Checkbox key={g} label={<span className="font-mono text-sm">{g}</span>} checked={s.grants?.includes(g) ?? false} onChange={(e) => set('grants', e.target.checked ? [...(s.grants ?? []), g] : (s.grants ?? []).filter((x) => x !== g))} />
              ))}
            </div>
          </fieldset>
          {area('audience', t('app.audience'), t('app.audience.hint'))}
          {service && area('serves', t('app.serves'), t('app.serves.hint'))}
        </div>
      </Card>
      <Card
        title={t('app.tokens')}
        footer={
          <Button type="submit" busy={save.isPending}>
            {c('save')}
          </Button>
        }
      >
        <div className="grid gap-5 sm:grid-cols-2">
          <SelectField label={t('app.format')} value={s.access_token_format ?? 'jwt'} onChange={(e) => set('access_token_format', e.target.value as 'jwt' | 'opaque')}>
            <option value="jwt">{t('app.format.jwt')}</option>
            <option value="opaque">{t('app.format.opaque')}</option>
          </SelectField>
          <TextField label={t('app.life')} hint={t('app.life.hint')} type="number" min={60} max={3600} value={s.access_token_life ?? ''} error={fieldError(save.error, '/access_token_life')} onChange={(e) => set('access_token_life', Number(e.target.value))} />
          {confidential && (
            <SelectField label={t('app.auth')} value={s.token_endpoint_auth_method ?? ''} onChange={(e) => set('token_endpoint_auth_method', e.target.value as 'client_secret_basic')}>
              {['client_secret_basic', 'client_secret_post', 'private_key_jwt'].map((m) => (
                <option key={m}>{m}</option>
              ))}
            </SelectField>
          )}
          {s.token_endpoint_auth_method === 'private_key_jwt' && (
            <TextField label="jwks_uri" type="url" dir="ltr" value={s.jwks_uri ?? ''} error={fieldError(save.error, '/jwks')} onChange={(e) => set('jwks_uri', e.target.value)} />
          )}
          {a.type === 'web' && <Checkbox label={t('app.no_pkce')} hint={t('app.no_pkce.hint')} checked={s.unsafe_no_pkce ?? false} onChange={(e) => set('unsafe_no_pkce', e.target.checked)} />}
        </div>
      </Card>
    </form>
  )
}

function Roles({ a }: { a: Client }) {
  const [t, can] = [texts.use(), useCan()]
  const { data, error } = useQuery(rolesOfClient(a.client_id))
  const [giving, setGiving] = useState(false)
  const give = can('cardea:role.assign') && (
    <Button size="small" icon={<UserCog size={16} aria-hidden />} onClick={() => setGiving(true)}>
      {t('assign.give')}
    </Button>
  )
  if (error) return <ProblemAlert problem={error} />
  if (!data) return <Skeleton />
  return (
    <div className="grid grid-cols-1 gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-muted">{t('app.roles.text')}</p>
        {give}
      </div>
      <RoleTable assignments={data.items} who={a.name} take={unassign} empty={<EmptyState icon={<UserCog aria-hidden />} title={t('app.roles.none')} action={give} />} />
      {giving && <AssignDialog subject={{ type: 'service', id: a.client_id, label: a.name }} close={() => setGiving(false)} />}
    </div>
  )
}
