import { Ban, CircleCheck, Mail } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Link } from 'react-router'

import { accessToken } from '../../api/client'
import { problemFrom, type Problem } from '../../api/problem'
import { site } from '../../api/site'
import { Badge } from '../../components/badge'
import { Button, buttonClasses } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { Choice } from '../../components/choice'
import { classes } from '../../components/classes'
import { CodeBlock } from '../../components/code-block'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan, useSession } from '../../session/session'
import { rich } from '../../texts/catalogue'
import { texts } from './texts'

type Role = '' | 'viewer' | 'editor'

/** A call of the sample API, as any program makes it: a token, a method, an address. */
interface Call {
  method: 'GET' | 'DELETE'
  path: string
  permission: string
}

interface Answer {
  status: number
  body: unknown
  problem: Problem | undefined
}

const list: Call = { method: 'GET', path: '/dev/api/invoices', permission: 'invoice:read' }
const remove = (id: string): Call => ({ method: 'DELETE', path: `/dev/api/invoices/${id}`, permission: 'invoice:delete' })

/** Calls the sample API with the access token of this page. It is no part of the contract, so its answers are read as they come. */
async function send(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = { Authorization: `Bearer ${await accessToken.get()}`, ...(body ? { 'Content-Type': 'application/json' } : {}) }
  const response = await fetch(site.base + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
  const read: unknown = await response.json().catch(() => undefined)
  return { status: response.status, body: read, problem: response.ok ? undefined : problemFrom(response, read) }
}

/** An API that asks before it answers: what is allowed, what is refused, and why, as oneself. */
export function Component() {
  const t = texts.use()
  const session = useSession()
  const can = useCan()
  const [role, setRole] = useState<Role>(() => (can('invoice:delete') ? 'editor' : can('invoice:read') ? 'viewer' : ''))
  const [round, setRound] = useState(0)
  const [problem, setProblem] = useState<unknown>()
  const [next, setNext] = useState('42')
  const me = session.state === 'authenticated' ? session.user : undefined
  const choose = async (chosen: Role) => {
    setProblem(undefined)
    const { problem: refused } = await send('PUT', '/dev/api/role', { role: chosen })
    if (refused) return setProblem(refused)
    setRole(chosen)
    setRound(round + 1)
  }
  const seen = (a: Answer) => {
    const items = (a.body as { items?: { id: string }[] } | undefined)?.items
    if (items?.[0]) setNext(items[0].id)
  }
  return (
    <>
      <PageHeader
        title={t('title')}
        description={t('text')}
        actions={
          <a href={site.base + '/dev/mailbox'} className={buttonClasses('secondary', 'small')}>
            <Mail size={16} aria-hidden /> {t('mailbox')}
          </a>
        }
      />
      <div className="grid grid-cols-1 gap-6">
        <Card title={t('you')} description={me && rich(t('you.text'), { who: <bdi className="font-medium text-ink">{me.email ?? me.id}</bdi> })}>
          <div className="grid gap-4">
            <Choice
              label={t('role')} value={role} onChange={(r) => void choose(r).catch(setProblem)}
              options={[{ value: '', label: t('role.none') }, { value: 'viewer', label: t('role.viewer') }, { value: 'editor', label: t('role.editor') }]}
            />
            <ProblemAlert problem={problem} />
          </div>
        </Card>
        <Try key={`list ${round}`} call={list} title={t('list')} role={role} start seen={seen} />
        <Try key={`remove ${round}`} call={remove(next)} title={t('remove')} role={role} start={round > 0 && role !== 'editor'} done={() => setRound(round + 1)} />
        {me && can('cardea:decision.ask') && (
          <p className="text-muted">
            {rich(t('explorer'), {
              explorer: (
                <Link to={`/admin/explorer?subject=user:${me.id}&action=invoice:delete`} className="font-medium text-accent underline underline-offset-3">
                  {t('explorer.link')}
                </Link>
              ),
            })}
          </p>
        )}
      </div>
    </>
  )
}

function Try({ call, title, role, start = false, seen, done }: { call: Call; title: string; role: Role; start?: boolean; seen?: (a: Answer) => void; done?: () => void }) {
  const t = texts.use()
  const [made, setMade] = useState<{ call: Call; answer: Answer }>()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const run = async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      const answer = await send(call.method, call.path)
      setMade({ call, answer })
      seen?.(answer)
    } catch (cause) {
      setProblem(cause)
    } finally {
      setBusy(false)
    }
  }
  useEffect(() => {
    if (start) void run()
    // Once, when the row appears: a row of another role is another row.
  }, [])
  const answer = made?.answer
  const shown = made?.call ?? call
  return (
    <Card
      title={title}
      actions={
        <Button size="small" look={answer ? 'secondary' : 'primary'} busy={busy} onClick={() => void run()} aria-label={t('call.label', { what: title })}>
          {answer ? t('again') : t('call')}
        </Button>
      }
    >
      <div className="grid grid-cols-1 gap-4">
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1.5 font-mono text-sm">
          <Badge>{shown.method}</Badge>
          <span className="user-text">{shown.path}</span>
          <span className="font-sans text-muted">{rich(t('needs'), { permission: <span className="font-mono text-ink">{call.permission}</span> })}</span>
        </p>
        <ProblemAlert problem={problem} />
        <div aria-live="polite">
          {answer && <Outcome answer={answer} role={role} permission={call.permission} />}
          {!answer && !busy && !problem && <p className="text-sm text-muted">{t('waiting')}</p>}
        </div>
        {answer && done && answer.status === 200 && (
          <p>
            <Button size="small" look="secondary" onClick={done}>
              {t('reload')}
            </Button>
          </p>
        )}
      </div>
    </Card>
  )
}

function Outcome({ answer, role, permission }: { answer: Answer; role: Role; permission: string }) {
  const t = texts.use()
  const allowed = answer.status === 200
  const Icon = allowed ? CircleCheck : Ban
  const granting = (answer.body as { reason?: { role?: string } } | undefined)?.reason?.role ?? role
  const code = { permission: <span className="font-mono text-[0.9375em]">{permission}</span>, role: <b className="font-semibold">{granting}</b> }
  const refused = answer.status === 403
  return (
    <div className="grid grid-cols-1 gap-3">
      <div className={classes('flex gap-3 rounded-control p-4', allowed ? 'bg-success-soft' : 'bg-danger-soft')}>
        <Icon size={22} aria-hidden className={classes('mt-0.5 shrink-0', allowed ? 'text-success' : 'text-danger')} />
        <div className="min-w-0">
          <p className={classes('font-semibold', allowed ? 'text-success' : 'text-danger')}>
            {allowed ? t('allowed') : refused ? t('refused') : t('failed')} · {answer.status}
          </p>
          <p className="user-text">
            {allowed ? rich(t('because'), code) : refused ? rich(role ? t('because.not') : t('because.none'), code) : <>{answer.problem?.detail}</>}
          </p>
        </div>
      </div>
      <details className="text-sm">
        <summary className="cursor-pointer text-muted hover:text-ink">{t('answer')}</summary>
        <div className="mt-2">
          <CodeBlock label={t('answer')}>{JSON.stringify(answer.body, null, 2)}</CodeBlock>
        </div>
      </details>
    </div>
  )
}
