import { useMutation } from '@tanstack/react-query'
import { CircleCheck, CircleX } from 'lucide-react'
import { useState } from 'react'

import { answer, api, type Schema } from '../../../api/client'
import { Problem } from '../../../api/problem'
import { Alert } from '../../../components/alert'
import { Button } from '../../../components/button'
import { Card } from '../../../components/card'
import { CodeEditor, type Mark } from '../../../components/code-editor'
import { SelectField } from '../../../components/field'
import { ProblemAlert, useProblemText } from '../../../components/problem-alert'
import { Table } from '../../../components/table'
import type { Store } from './data'
import { keptDraft, useDraft } from './draft'
import { StorePage } from './frame'
import { firstTests, yaml } from './language'
import { texts } from './texts'

export { loader } from './frame'

/** A store file as `cardea authz test` reads it: what the model is expected to answer, tried without storing anything. */
export function Component() {
  return <StorePage>{(s) => <Tests key={s.id} s={s} />}</StorePage>
}

function Tests({ s }: { s: Store }) {
  const t = texts.use()
  const words = useProblemText()
  const [draft, setDraft] = useDraft(`${s.id}:tests`)
  const text = draft ?? ''
  const model = keptDraft(`${s.id}:model`)
  const [by, setBy] = useState<'used' | 'draft'>('used')
  const run = useMutation({
    mutationFn: (file: string) => answer(api.POST('/api/stores/{store}/test', { params: { path: { store: s.id } }, body: { file, ...(by === 'draft' && model !== undefined ? { draft: model } : {}) } })),
  })
  const current = run.variables === text // what is said is about what stands there
  const line = current && run.error instanceof Problem ? Number(/\bline (\d+)\b/.exec(run.error.detail)?.[1] ?? 0) : 0
  const marks: Mark[] = line ? [{ line, text: words(run.error) }] : []
  return (
    <div className="grid grid-cols-1 gap-6">
      <Card
        title={t('tests.title')}
        description={t('tests.text')}
        actions={
          !text && (
            <Button look="secondary" onClick={() => setDraft(firstTests)}>
              {t('tests.example')}
            </Button>
          )
        }
        footer={
          <Button busy={run.isPending} disabled={!text.trim()} onClick={() => run.mutate(text)}>
            {t('tests.run')}
          </Button>
        }
      >
        <div className="grid grid-cols-1 gap-4">
          {model !== undefined && (
            <SelectField label={t('tests.model')} value={by} onChange={(e) => setBy(e.target.value === 'draft' ? 'draft' : 'used')}>
              <option value="used">{t('terms.model.used')}</option>
              <option value="draft">{t('terms.model.draft')}</option>
            </SelectField>
          )}
          <CodeEditor label={t('tests.file')} value={text} onChange={(x) => setDraft(x || undefined)} highlight={yaml} marks={marks} />
          {current && !line && <ProblemAlert problem={run.error} />}
        </div>
      </Card>
      {run.data && current && <Outcomes all={run.data.items} />}
    </div>
  )
}

/** What came of each assertion; those that failed stand first. */
function Outcomes({ all }: { all: readonly Schema<'StoreOutcome'>[] }) {
  const t = texts.use()
  const failed = all.filter((o) => !o.passed)
  const rows = [...failed, ...all.filter((o) => o.passed)].map((o, i) => ({ ...o, key: String(i) }))
  return (
    <div className="grid grid-cols-1 gap-4">
      {all.length === 0 ? (
        <Alert tone="warning">{t('tests.nothing')}</Alert>
      ) : (
        <Alert tone={failed.length === 0 ? 'success' : 'warning'} title={failed.length === 0 ? t('tests.all', { count: all.length }) : t('tests.failed', { count: failed.length })}>
          {failed.length > 0 && t('tests.of', { count: all.length })}
        </Alert>
      )}
      <Table
        label={t('tests.outcomes')}
        rows={rows}
        rowKey={(o) => o.key}
        columns={[
          {
            id: 'passed', title: t('tests.outcome'),
            cell: (o) =>
              o.passed ? (
                <span className="inline-flex items-center gap-1.5 whitespace-nowrap text-success">
                  <CircleCheck size={16} aria-hidden /> {t('tests.passed')}
                </span>
              ) : (
                <span className="inline-flex items-center gap-1.5 font-semibold whitespace-nowrap text-danger">
                  <CircleX size={16} aria-hidden /> {t('tests.not_passed')}
                </span>
              ),
          },
          { id: 'test', title: t('tests.test'), wideOnly: true, cell: (o) => o.test },
          { id: 'question', title: t('tests.question'), cell: (o) => <bdi className="user-text font-mono text-[0.8125rem]">{o.question}</bdi> },
          { id: 'want', title: t('tests.want'), cell: (o) => <bdi className="user-text font-mono text-[0.8125rem]">{o.want}</bdi> },
          { id: 'got', title: t('tests.got'), cell: (o) => <bdi className="user-text font-mono text-[0.8125rem]">{o.got}</bdi> },
        ]}
      />
    </div>
  )
}
