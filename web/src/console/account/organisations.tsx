import { useSuspenseQueries } from '@tanstack/react-query'
import { Building2, MailOpen } from 'lucide-react'
import { useState } from 'react'

import { answer, api, type Schema } from '../../api/client'
import { Ago } from '../../components/ago'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { CopyField } from '../../components/copy-field'
import { ConfirmDialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { ProblemAlert } from '../../components/problem-alert'
import { Row, Rows } from '../../components/rows'
import { toast } from '../../components/toast'
import { withStepUp } from '../../session/step-up'
import { useLocale } from '../../texts/language'
import { queries } from '../queries'
import { useAct } from './act'
import { invitations, orgs, profile, refresh, roles } from './data'
import { texts } from './texts'

/** Fetches memberships, roles and invitations before the page is shown. */
export const loader = () => Promise.all([queries.ensureQueryData(orgs), queries.ensureQueryData(roles), queries.ensureQueryData(invitations), queries.ensureQueryData(profile)])

/** What one belongs to, as what, and what one is invited to. */
export function Component() {
  const [t, locale] = [texts.use(), useLocale()]
  const [{ data: mine }, { data: held }, { data: open }, { data: user }] = useSuspenseQueries({ queries: [orgs, roles, invitations, profile] })
  const [leaving, setLeaving] = useState<Schema<'Membership'>>()
  const everywhere = held.items.filter((r) => !r.org)
  const leave = async () => {
    if (!leaving) return
    await withStepUp(() => answer(api.DELETE('/account/orgs/{org}', { params: { path: { org: leaving.org } } })))
    toast(t('orgs.left', { org: leaving.name }))
    await refresh('orgs', 'roles')
  }
  return (
    <>
      <PageHeader title={t('orgs.title')} description={t('orgs.text')} />
      <div className="grid gap-6">
        {open.items.length > 0 && (
          <Card title={t('orgs.invited')}>
            <Rows label={t('orgs.invited')}>
              {open.items.map((i) => (
                <Invitation key={i.id} invitation={i} />
              ))}
            </Rows>
          </Card>
        )}
        {mine.items.length > 0 && (
          <Card>
            <Rows label={t('orgs.title')}>
              {mine.items.map((m) => (
                <Row
                  key={m.org}
                  icon={<Building2 size={20} />}
                  title={<bdi>{m.name || m.org}</bdi>}
                  badge={held.items
                    .filter((r) => r.org === m.org)
                    .map((r) => (
                      <Badge key={r.role}>{r.role}</Badge>
                    ))}
                  action={
                    <Button look="secondary" size="small" aria-label={t('orgs.leave.label', { org: m.name })} onClick={() => setLeaving(m)}>
                      {t('orgs.leave')}
                    </Button>
                  }
                >
                  {t('orgs.since', { date: new Date(m.joined).toLocaleDateString(locale, { dateStyle: 'long' }) })}
                </Row>
              ))}
            </Rows>
          </Card>
        )}
        {mine.items.length === 0 && open.items.length === 0 && (
          <EmptyState
            icon={<Building2 aria-hidden />}
            title={t('orgs.none')}
            action={user.email && user.email_verified && <CopyField label={t('orgs.none.address')} value={user.email} />}
          >
            {user.email_verified ? t('orgs.none.text') : t('orgs.none.unverified')}
          </EmptyState>
        )}
        {everywhere.length > 0 && (
          <Card title={t('orgs.roles')} description={t('orgs.roles.text')}>
            <p className="flex flex-wrap gap-2">
              {everywhere.map((r) => (
                <Badge key={r.role} tone="accent">
                  {r.role}
                </Badge>
              ))}
            </p>
          </Card>
        )}
      </div>
      <ConfirmDialog open={leaving !== undefined} onOpenChange={(now) => !now && setLeaving(undefined)} title={t('orgs.leave.title', { org: leaving?.name ?? '' })} confirm={t('orgs.leave')} onConfirm={leave}>
        {t('orgs.leave.text')}
      </ConfirmDialog>
    </>
  )
}

function Invitation({ invitation }: { invitation: Schema<'Offer'> }) {
  const t = texts.use()
  const accept = useAct(
    () => answer(api.POST('/account/invitations/{invitation}/accept', { params: { path: { invitation: invitation.id } } })),
    () => {
      toast(t('orgs.joined', { org: invitation.name }))
      return refresh('invitations', 'orgs', 'roles')
    },
  )
  const decline = useAct(
    () => answer(api.POST('/account/invitations/{invitation}/decline', { params: { path: { invitation: invitation.id } } })),
    () => {
      toast(t('orgs.declined', { org: invitation.name }))
      return refresh('invitations')
    },
  )
  return (
    <Row
      icon={<MailOpen size={20} />}
      title={<bdi>{invitation.name}</bdi>}
      badge={invitation.role && <Badge>{invitation.role}</Badge>}
      action={
        <>
          <Button size="small" look="secondary" busy={decline.isPending} aria-label={t('orgs.decline.label', { org: invitation.name })} onClick={() => decline.mutate()}>
            {t('orgs.decline')}
          </Button>
          <Button size="small" busy={accept.isPending} aria-label={t('orgs.accept.label', { org: invitation.name })} onClick={() => accept.mutate()}>
            {t('orgs.accept')}
          </Button>
        </>
      }
    >
      {t('orgs.ends')} <Ago at={invitation.expires} />
      <ProblemAlert problem={accept.error ?? decline.error} />
    </Row>
  )
}
