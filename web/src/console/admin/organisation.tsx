import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { Mail, UserCog, UserPlus, Users } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useNavigate, useParams, type LoaderFunctionArgs } from 'react-router'

import { answer, api, type Schema } from '../../api/client'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { Combobox, type Choice } from '../../components/combobox'
import { CopyField } from '../../components/copy-field'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { SelectField, TextArea, TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { Tabs } from '../../components/tabs'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { queries } from '../queries'
import { useAct } from './act'
import { fieldError } from './application-new'
import { AssignDialog } from './assign'
import { allRoles, invitations, members, org } from './data'
import { List } from './list'
import { Time, UserName } from './names'
import { Asking, Back, linesOf, useParam } from './parts'
import { findUsers } from './subject'
import { texts } from './texts'

type Org = Schema<'Organisation'>

/** Fetches the organisation before its page is shown. */
export const loader = ({ params }: LoaderFunctionArgs) => queries.ensureQueryData(org(params['org']!))

/** One organisation: who belongs to it, who is invited, and how it is called. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const { data: o } = useSuspenseQuery(org(useParams()['org']!))
  const [tab, setTab] = useParam('tab')
  const tabs = [
    ...(can('cardea:member.read')
      ? [
          { id: 'members', label: t('member.members'), content: <Members o={o} /> },
          { id: 'invitations', label: t('invitation.invitations'), content: <Invitations o={o} /> },
        ]
      : []),
    { id: 'settings', label: t('app.tab.settings'), content: <Settings key={JSON.stringify(o)} o={o} /> },
  ]
  return (
    <>
      <Back to="/admin/organisations">{t('orgs.title')}</Back>
      <PageHeader title={o.name} description={<>{o.domains.join(', ')} {o.disabled && <Badge tone="danger">{t('app.disabled')}</Badge>}</>} actions={<Actions o={o} />} />
      <Tabs label={t('org.tabs')} value={tabs.some((x) => x.id === tab) ? tab : tabs[0]!.id} onChange={setTab} tabs={tabs} />
    </>
  )
}

function Actions({ o }: { o: Org }) {
  const [t, can] = [texts.use(), useCan()]
  const navigate = useNavigate()
  const path = { params: { path: { org: o.id } } }
  const change = useAct((disabled: boolean) => answer(api.PATCH('/api/orgs/{org}', { ...path, body: { disabled } })), { stale: ['orgs'], done: t('org.changed') })
  const remove = useAct(() => answer(api.DELETE('/api/orgs/{org}', path)), {
    stale: [], done: t('org.deleted'),
    then: async () => {
      await navigate('/admin/organisations')
      queries.removeQueries({ queryKey: org(o.id).queryKey })
      void queries.invalidateQueries({ queryKey: ['admin', 'orgs', 'list'] })
    },
  })
  const name = o.name
  return (
    <>
      {can('cardea:org.update') &&
        (o.disabled ? (
          <Asking look="primary" title={t('org.enable.title', { name })} text={t('org.enable.text')} confirm={t('app.enable')} run={() => change.mutateAsync(false)}>
            {t('app.enable')}
          </Asking>
        ) : (
          <Asking title={t('org.disable.title', { name })} text={t('org.disable.text')} confirm={t('app.disable')} run={() => change.mutateAsync(true)}>
            {t('app.disable')}
          </Asking>
        ))}
      {can('cardea:org.delete') && (
        <Asking title={t('org.delete.title', { name })} text={t('org.delete.text')} confirm={t('app.delete')} run={() => remove.mutateAsync()}>
          {t('app.delete')}
        </Asking>
      )}
    </>
  )
}

function Members({ o }: { o: Org }) {
  const [t, can] = [texts.use(), useCan()]
  const [open, setOpen] = useState<'add' | 'assign'>()
  const remove = useAct((user: string) => answer(api.DELETE('/api/orgs/{org}/members/{user}', { params: { path: { org: o.id, user } } })), { stale: ['members', 'assignments'], done: t('member.removed') })
  const add = can('cardea:member.add') && (
    <Button size="small" icon={<UserPlus size={16} aria-hidden />} onClick={() => setOpen('add')}>
      {t('member.add')}
    </Button>
  )
  return (
    <div className="grid grid-cols-1 gap-4">
      <div className="flex flex-wrap justify-end gap-3">
        {can('cardea:role.assign') && (
          <Button size="small" look="secondary" icon={<UserCog size={16} aria-hidden />} onClick={() => setOpen('assign')}>
            {t('org.give_role')}
          </Button>
        )}
        {add}
      </div>
      <List
        query={members(o.id)}
        label={t('member.members')}
        rowKey={(m) => m.user}
        columns={[
          { id: 'who', title: t('member.member'), cell: (m) => <UserName id={m.user} /> },
          { id: 'joined', title: t('member.joined'), cell: (m) => <Time at={m.joined} day /> },
          {
            id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
            cell: (m) =>
              can('cardea:member.remove') && (
                <Asking size="small" title={t('member.remove.title', { org: o.name })} text={t('member.remove.text')} confirm={t('remove')} run={() => remove.mutateAsync(m.user)}>
                  {t('remove')}
                </Asking>
              ),
          },
        ]}
        empty={
          <EmptyState icon={<Users aria-hidden />} title={t('member.none')} action={add}>
            {t('member.none.text')}
          </EmptyState>
        }
      />
      {open === 'add' && <AddMember o={o} close={() => setOpen(undefined)} />}
      {open === 'assign' && <AssignDialog place={{ org: { value: o.id, label: o.name } }} close={() => setOpen(undefined)} />}
    </div>
  )
}

function AddMember({ o, close }: { o: Org; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const [who, setWho] = useState<Choice | null>(null)
  const add = useAct((user: string) => answer(api.POST('/api/orgs/{org}/members', { params: { path: { org: o.id } }, body: { user } })), { stale: ['members'], done: t('member.added'), then: close })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (who) add.mutate(who.value)
  }
  return (
    <Dialog open onOpenChange={close} title={<span className="user-text">{t('member.add_to', { org: o.name })}</span>} description={t('member.add.text')}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={add.error} />
        <Combobox label={t('subject.who')} placeholder={t('subject.who.hint')} value={who} onChange={setWho} find={findUsers} empty={t('subject.nobody')} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={add.isPending} disabled={!who}>
            {t('member.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function Invitations({ o }: { o: Org }) {
  const [t, can] = [texts.use(), useCan()]
  const [inviting, setInviting] = useState(false)
  const withdraw = useAct((id: string) => answer(api.DELETE('/api/orgs/{org}/invitations/{invitation}', { params: { path: { org: o.id, invitation: id } } })), { stale: ['invitations'], done: t('invitation.withdrawn') })
  const invite = can('cardea:member.invite') && (
    <Button size="small" icon={<Mail size={16} aria-hidden />} onClick={() => setInviting(true)}>
      {t('invitation.invite')}
    </Button>
  )
  return (
    <div className="grid grid-cols-1 gap-4">
      <div className="flex justify-end">{invite}</div>
      <List
        query={invitations(o.id)}
        label={t('invitation.invitations')}
        rowKey={(i) => i.id}
        columns={[
          { id: 'email', title: t('user.email'), cell: (i) => <bdi>{i.email}</bdi> },
          { id: 'role', title: t('role.role'), wideOnly: true, cell: (i) => i.role ?? '–' },
          {
            id: 'state', title: t('user.state'),
            cell: (i) => (i.spent ? <Badge>{t('invitation.spent')}</Badge> : new Date(i.expires) < new Date() ? <Badge tone="warning">{t('invitation.expired')}</Badge> : <Badge tone="accent">{t('invitation.open')}</Badge>),
          },
          {
            id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
            cell: (i) =>
              !i.spent &&
              can('cardea:member.invite') && (
                <Asking size="small" title={t('invitation.withdraw.title', { email: i.email })} text={t('invitation.withdraw.text')} confirm={t('invitation.withdraw')} label={t('invitation.withdraw.title', { email: i.email })} run={() => withdraw.mutateAsync(i.id)}>
                  {t('invitation.withdraw')}
                </Asking>
              ),
          },
        ]}
        empty={
          <EmptyState icon={<Mail aria-hidden />} title={t('invitation.none')} action={invite}>
            {t('invitation.none.text')}
          </EmptyState>
        }
      />
      {inviting && <Invite o={o} close={() => setInviting(false)} />}
    </div>
  )
}

function Invite({ o, close }: { o: Org; close: () => void }) {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const { data: roles } = useQuery({ ...allRoles, enabled: can('cardea:role.read') })
  const [email, setEmail] = useState('')
  const [role, setRole] = useState('')
  const invite = useAct(() => answer(api.POST('/api/orgs/{org}/invitations', { params: { path: { org: o.id } }, body: { email, ...(role && { role }) } })), {
    stale: ['invitations'], done: t('invitation.sent'), then: close,
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    invite.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={<span className="user-text">{t('invitation.invite_to', { org: o.name })}</span>} description={t('invitation.text')}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={invite.error} />
        <TextField label={t('user.email')} type="email" required autoComplete="off" value={email} onChange={(e) => setEmail(e.target.value)} error={fieldError(invite.error, '/email')} />
        <SelectField label={t('invitation.role')} value={role} onChange={(e) => setRole(e.target.value)}>
          <option value="">{t('invitation.no_role')}</option>
          {roles?.items.map((r) => (
            <option key={r.name} value={r.name}>
              {r.name}
            </option>
          ))}
        </SelectField>
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={invite.isPending}>
            {t('invitation.invite')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function Settings({ o }: { o: Org }) {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const [name, setName] = useState(o.name)
  const [domains, setDomains] = useState(o.domains.join('\n'))
  const save = useAct(() => answer(api.PATCH('/api/orgs/{org}', { params: { path: { org: o.id } }, body: { name, domains: linesOf(domains) } })), { stale: ['orgs'], done: c('saved') })
  const may = can('cardea:org.update')
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Card
        title={t('app.general')}
        footer={
          may && (
            <Button type="submit" busy={save.isPending}>
              {c('save')}
            </Button>
          )
        }
      >
        <div className="grid gap-5">
          <ProblemAlert problem={save.error} />
          <TextField label={t('org.name')} required readOnly={!may} maxLength={200} value={name} onChange={(e) => setName(e.target.value)} error={fieldError(save.error, '/name')} />
          <TextArea label={t('org.domains')} hint={t('org.domains.hint')} readOnly={!may} rows={3} value={domains} onChange={(e) => setDomains(e.target.value)} error={fieldError(save.error, '/domains')} dir="ltr" />
          <CopyField label={t('org.id')} hint={t('org.id.hint')} value={o.id} />
        </div>
      </Card>
    </form>
  )
}
