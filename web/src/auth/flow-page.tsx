import { MailCheck } from 'lucide-react'
import { useState, type ReactNode } from 'react'

import { answer, api } from '../api/client'
import { Problem } from '../api/problem'
import { site } from '../api/site'
import { Alert } from '../components/alert'
import { ButtonLink } from '../components/button'
import { ProblemAlert } from '../components/problem-alert'
import { Skeleton } from '../components/skeleton'
import { startFlow, type Flow, type Kind } from '../flow/flow'
import { StepForm, type Additions } from '../flow/step-form'
import { knownSession } from '../session/session'
import { goOn, page, path, query } from './address'
import { Layout, Onward } from './layout'
import { texts } from './texts'
import { useStart } from './use-start'

/** What a kind of flow looks like around its steps, which come from the server. */
interface Look {
  title: string
  lead?: ReactNode
  below?: ReactNode
  /** The text of the button, if not that of the step. */
  action?: string
  /** Where somebody gets a new start when the flow or its link is too old. */
  again?: string
}

async function open(kind: Kind): Promise<{ flow: Flow; account: string | undefined; client: string | undefined }> {
  const request = query.get('request') ?? undefined
  const back = query.get('return_to') ?? undefined
  if (kind === 'sign_in' && !request) {
    const session = await knownSession()
    if (session.state === 'authenticated') {
      goOn(back)
      return new Promise(() => undefined) // the browser is leaving
    }
  }
  const asked = request ? answer(api.GET('/oauth/authorize/resume/need', { params: { query: { request } } })).catch(() => undefined) : undefined
  const flow = await startFlow({ kind, ...(request ? { request } : back ? { return_to: back } : {}) })
  const session = kind === 'step_up' ? await knownSession() : undefined
  return { flow, account: session?.state === 'authenticated' ? session.user.email : undefined, client: (await asked)?.client?.name }
}

/** A page that runs one flow: whatever steps the server offers, one after another, until it is over. */
export function FlowPage({ kind, known, look }: { kind: Kind; known?: Record<string, string>; look: (client: string | undefined) => Look }) {
  const t = texts.use()
  const { value, problem } = useStart(() => open(kind))
  const [advanced, setFlow] = useState<Flow>()
  const [mailed, setMailed] = useState('')
  const flow = advanced ?? value?.flow
  const { title, lead, below, again, action } = look(value?.client)

  const onFlow = (next: Flow) => {
    if (next.done && next.user && kind !== 'recover' && !next.notice) return goOn(next.return_to)
    setFlow(next)
  }
  if (problem) return <Refused problem={problem} again={again} />
  if (!flow) {
    return (
      <Layout title={title} lead={lead}>
        <Skeleton />
      </Layout>
    )
  }
  if (flow.notice === 'mail_sent') return <MailSent address={mailed} />
  if (flow.done) return <Done notice={flow.notice} />

  // A step that wants the token of a link is for whoever has come by one, and then it is the only one that helps.
  const [byLink, others] = split(flow.steps ?? [], (s) => s.fields?.some((f) => f.name === 'token') ?? false)
  const steps = known?.['token'] && byLink.length > 0 ? byLink : others
  const additions: Additions = {
    ...(known ? { known } : {}),
    account: value?.account,
    asides: kind === 'sign_in' ? { password: <Onward to={page('/recover')}>{t('forgot')}</Onward> } : {},
    ...(action ? { action } : {}),
  }
  return (
    <Layout title={title} lead={lead} below={below}>
      {query.get('why') === 'session_expired' && <Alert tone="warning">{t('session_expired')}</Alert>}
      {query.get('why') === 'account_deleted' && <Alert tone="success">{t('account_deleted')}</Alert>}
      {steps.map((step, i) => (
        <div key={step.step} className="contents">
          {i > 0 && <p className="text-center text-sm text-muted">{t('or')}</p>}
          <StepForm
            flow={flow}
            step={step}
            onFlow={onFlow}
            onSend={(values) => setMailed(values['email'] ?? '')}
            again={again ? <Onward to={again}>{t('start_again')}</Onward> : undefined}
            {...additions}
          />
        </div>
      ))}
      {steps.length === 0 && <ProblemAlert problem={new Problem({ code: 'flow_expired' })} />}
    </Layout>
  )
}

function split<T>(all: readonly T[], is: (x: T) => boolean): [T[], T[]] {
  return [all.filter(is), all.filter((x) => !is(x))]
}

function MailSent({ address }: { address: string }) {
  const t = texts.use()
  return (
    <Layout
      title={t('mail_sent.title')}
      below={
        <>
          {t('mail_sent.nothing')} <Onward to={page(path)}>{t('mail_sent.again')}</Onward>
        </>
      }
    >
      <div className="flex gap-4" role="status">
        <span className="grid size-11 shrink-0 place-items-center rounded-full bg-accent-soft text-accent">
          <MailCheck size={22} aria-hidden />
        </span>
        <div className="min-w-0">
          {address && <bdi className="block font-semibold">{address}</bdi>}
          <p className="text-muted">{t('mail_sent.text')}</p>
        </div>
      </div>
      {site.dev && (
        <ButtonLink href={site.base + '/dev/mailbox'} wide>
          {t('dev.open')}
        </ButtonLink>
      )}
    </Layout>
  )
}

/** The end of a flow that does not sign in. */
function Done({ notice }: { notice: string | undefined }) {
  const t = texts.use()
  const key = `notice.${notice ?? ''}`
  return (
    <Layout title={t('done')}>
      <Alert tone="success">{texts.has(key) ? t(key) : t('notice.done')}</Alert>
      <ButtonLink href={page('/sign-in')} wide>
        {t('sign_in')}
      </ButtonLink>
    </Layout>
  )
}

/** A page that cannot go on: why, and what to do next. */
export function Refused({ problem, again }: { problem: unknown; again?: string | undefined }) {
  const t = texts.use()
  return (
    <Layout title={t('refused')}>
      <ProblemAlert problem={problem} />
      <ButtonLink href={again ?? page('/sign-in')} look="secondary" wide>
        {again ? t('start_again') : t('sign_in')}
      </ButtonLink>
    </Layout>
  )
}
