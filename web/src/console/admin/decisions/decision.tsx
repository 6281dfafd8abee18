import { useSuspenseQuery } from '@tanstack/react-query'
import { RotateCcw } from 'lucide-react'
import { useParams, type LoaderFunctionArgs } from 'react-router'

import { answer, api } from '../../../api/client'
import { Problem } from '../../../api/problem'
import { Alert } from '../../../components/alert'
import { Button } from '../../../components/button'
import { Card, Facts, PageHeader } from '../../../components/card'
import { CodeBlock } from '../../../components/code-block'
import { ProblemAlert } from '../../../components/problem-alert'
import { queries } from '../../queries'
import { useAct } from '../act'
import { SubjectName, Time } from '../names'
import { Back, Code } from '../parts'
import { decision, type Logged } from './data'
import { AnswerCard, Asked } from './reason'
import { texts } from './texts'

/** Fetches the decision before its page is shown. */
export const loader = ({ params }: LoaderFunctionArgs) => queries.ensureQueryData(decision(params['decision']!))

/** type:id as a subject. */
function subjectOf(text: string): { type: string; id: string } {
  const at = text.indexOf(':')
  return at < 0 ? { type: text, id: '' } : { type: text.slice(0, at), id: text.slice(at + 1) }
}

/** One decision that was kept: what was asked, what was answered and why, and whether it would be so again. */
export function Component() {
  const t = texts.use()
  const { data: d } = useSuspenseQuery(decision(useParams()['decision']!))
  const q = d.question
  const rest = { ...(q.subject.properties && { subject: q.subject.properties }), ...(q.action.properties && { action: q.action.properties }), ...(q.resource.properties && { resource: q.resource.properties }), ...(q.context && { context: q.context }) }
  const versions = Object.entries(d.policies ?? {})
  return (
    <>
      <Back to="/admin/decisions">{t('log.title')}</Back>
      <PageHeader title={t('decision.title')} description={<Asked question={q} />} />
      <div className="grid grid-cols-1 gap-6">
        <AnswerCard answer={d.answer} question={q} title={<Time at={d.at} />} />
        <Replay d={d} />
        <Card title={t('decision.basis')}>
          <Facts
            items={[
              [t('decision.asker'), <SubjectName key="a" subject={subjectOf(d.asker)} />],
              [t('decision.until'), <Time key="u" at={d.until} />],
              [t('decision.revision'), d.revision === '0' ? t('decision.revision.none') : <Code key="r">{d.revision}</Code>],
              ...versions.map(([set, number]) => [t('decision.policies', { set }), t('decision.version', { number: String(number) })] as const),
              ...(d.store ? [[t('decision.store'), <Code key="s">{d.store}</Code>] as const] : []),
              ...(d.model ? [[t('decision.model'), <Code key="m">{d.model}</Code>] as const] : []),
              ...(d.store_revision ? [[t('decision.store_revision'), <Code key="t">{d.store_revision}</Code>] as const] : []),
              [t('decision.id'), <Code key="i">{d.id}</Code>],
            ]}
          />
        </Card>
        {Object.keys(rest).length > 0 && (
          <Card title={t('decision.properties')}>
            <CodeBlock label={t('decision.properties')}>{JSON.stringify(rest, null, 2)}</CodeBlock>
          </Card>
        )}
      </div>
    </>
  )
}

/** Refusals that are no fault: what was is out of reach. */
const outOfReach = { history_not_kept: 'replay.history', not_replayable: 'replay.gone', policy_version_not_found: 'replay.gone', policy_set_not_found: 'replay.gone', not_found: 'replay.forgotten' } as const

function Replay({ d }: { d: Logged }) {
  const t = texts.use()
  const replay = useAct(() => answer(api.POST('/api/decisions/{decision}/replay', { params: { path: { decision: d.id } } })), { stale: [] })
  const code = replay.error instanceof Problem ? replay.error.code : ''
  const r = replay.data
  return (
    <Card
      title={t('replay.title')}
      description={t('replay.text')}
      actions={
        <Button look="secondary" icon={<RotateCcw size={18} aria-hidden />} busy={replay.isPending} onClick={() => replay.mutate()}>
          {t('replay')}
        </Button>
      }
    >
      {(!!replay.error || r) && (
        <div className="grid grid-cols-1 gap-4">
          {!!replay.error && (code in outOfReach ? <Alert tone="warning" title={t('replay.refused')}>{t(outOfReach[code as keyof typeof outOfReach])}</Alert> : <ProblemAlert problem={replay.error} />)}
          {r && (
            <>
              <Alert tone={r.same ? 'success' : 'warning'} title={r.same ? t('replay.same') : t('replay.different')}>
                {!r.exact && t('replay.inexact')}
              </Alert>
              <AnswerCard answer={r.again} question={d.question} title={t('replay.again')} />
            </>
          )}
        </div>
      )}
    </Card>
  )
}
