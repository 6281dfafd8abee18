import { useQuery } from '@tanstack/react-query'
import { FlaskConical, Plus } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { Link, useSearchParams } from 'react-router'

import { answer, api } from '../../../api/client'
import { Problem } from '../../../api/problem'
import { Alert } from '../../../components/alert'
import { Button, buttonClasses } from '../../../components/button'
import { CodeEditor, type Editor, type Mark } from '../../../components/code-editor'
import { TextField } from '../../../components/field'
import { cedar, json } from '../../../components/highlight'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { Tabs } from '../../../components/tabs'
import { useCan } from '../../../session/session'
import { useAct } from '../act'
import { Asking } from '../parts'
import { CaseDialog } from './case-dialog'
import { CheckPanel } from './check-panel'
import { check, version, type PolicyDraft, type PolicySet, type PolicyVersion } from './data'
import { bodyOf, draftOf, memberLines, useDraft, useDraftKey, type Draft } from './draft'
import { texts } from './texts'

/** What is being written: it begins from a version, by default the one that decides. */
export function EditTab({ set }: { set: PolicySet }) {
  const [params] = useSearchParams()
  const wanted = Number(params.get('version') ?? 0)
  const number = Number.isInteger(wanted) && wanted > 0 ? wanted : (set.active ?? set.latest ?? 0)
  const { data, error, isLoading } = useQuery({ ...version(set.name, number), enabled: number > 0 })
  if (error) return <ProblemAlert problem={error} />
  if (isLoading) return <Skeleton lines={8} />
  return <Writer key={number} set={set} start={data} line={Number(params.get('line') ?? 0)} />
}

/** The text a moment after the last key. */
function useSettled<T>(value: T): T {
  const [settled, settle] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => settle(value), 400)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}

export const parts = ['policies', 'schema', 'cases'] as const
export type Part = (typeof parts)[number]

function Writer({ set, start, line }: { set: PolicySet; start: PolicyVersion | undefined; line: number }) {
  const [t, can] = [texts.use(), useCan()]
  const [began] = useState(() => draftOf(start))
  const { draft, change, touched, restored, discard } = useDraft(useDraftKey(set.name), began)
  const [part, setPart] = useState<Part>('policies')
  const [goal, setGoal] = useState<{ part: Part; line: number } | undefined>(line > 0 ? { part: 'policies', line } : undefined)
  const [adding, setAdding] = useState(false)
  const editor = useRef<Editor>(null)
  const { body, found, pending, marks } = useChecked(set.name, draft)
  useEffect(() => {
    if (goal?.part === part) editor.current?.reveal(goal.line)
  }, [goal, part])
  const lead = (to: Part, at: number) => {
    setPart(to)
    setGoal({ part: to, line: at })
  }
  const may = can('cardea:policy.write')
  const content = (p: Part) => (
    <CodeEditor
      ref={editor} label={t(`part.${p}`)} labelHidden size="tall" value={draft[p]} onChange={(value) => change({ [p]: value })} readOnly={!may}
      highlight={p === 'cases' ? json : cedar} marks={marks[p]} hint={t(`part.${p}.hint`)}
    />
  )
  return (
    <div className="grid grid-cols-1 gap-5">
      {restored && <Restored draft={draft} start={began} discard={() => discard(began)} />}
      <div className="grid grid-cols-1 gap-6 lg:grid-cols-[minmax(0,1fr)_16rem]">
        <div className="min-w-0">
          <Tabs<Part>
            label={t('parts')}
            value={part}
            onChange={setPart}
            tabs={parts.map((p) => ({ id: p, label: <>{t(`part.${p}`)}<Wrong count={marks[p].length} /></>, content: content(p) }))}
          />
        </div>
        <CheckPanel
          found={found} pending={pending} unreadable={marks.cases.length > 0 && !body.cases && draft.cases.trim() !== ''}
          toCase={(i) => lead('cases', memberLines(draft.cases)[i] ?? 1)} toLine={(at) => lead('policies', at)}
          action={may && (
            <Button size="small" look="secondary" icon={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
              {t('case.add')}
            </Button>
          )}
        />
      </div>
      {may && <Write set={set} draft={draft} body={body} change={change} touched={touched} restart={() => discard(began)} />}
      {adding && (
        <CaseDialog
          text={draft.cases} close={() => setAdding(false)}
          add={(cases) => {
            change({ cases })
            setPart('cases')
          }}
        />
      )}
    </div>
  )
}

/** What the server says of a draft, and where it stands in the texts. */
function useChecked(set: string, draft: Draft) {
  const t = texts.use()
  const settled = useSettled(draft)
  const { body, marks: unread } = bodyOf(settled)
  const { data, error, isFetching } = useQuery(check(set, body))
  const marks: Record<Part, Mark[]> = { policies: [], schema: [], cases: unread.map((m) => ({ ...m, text: t(m.text === 'list' ? 'cases.no_list' : 'cases.no_json') })) }
  const found = error ? undefined : data
  for (const f of found?.findings ?? []) marks[f.in === 'schema' ? 'schema' : 'policies'].push({ line: f.line, column: f.column, text: (f.policy ? f.policy + ': ' : '') + f.text })
  if (error instanceof Problem && error.fields.size > 0) {
    const lines = memberLines(settled.cases)
    for (const [pointer, field] of error.fields) {
      const at = /^\/cases\/(\d+)(.*)/.exec(pointer)
      if (at) marks.cases.push({ line: lines[Number(at[1])], text: t('cases.wrong', { member: at[2]!.slice(1) || '–', detail: field.detail }) })
      else marks.policies.push({ text: field.detail })
    }
  }
  return { body: bodyOf(draft).body, found, problem: error, pending: isFetching || settled !== draft, marks }
}

function Wrong({ count }: { count: number }) {
  return count > 0 ? <span className="ms-1.5 rounded-full bg-danger-soft px-1.5 text-xs font-semibold text-danger">{count}</span> : null
}

/** What was typed some time ago is here again. */
function Restored({ draft, start, discard }: { draft: Draft; start: Draft; discard: () => void }) {
  const t = texts.use()
  const [shown] = useState({ from: draft.from })
  return (
    <Alert
      title={t('draft.restored')}
      actions={
        <Asking size="small" title={t('draft.discard.title')} text={t('draft.discard.text')} confirm={t('draft.discard')} run={async () => discard()}>
          {start.from ? t('draft.open', { number: String(start.from) }) : t('draft.discard')}
        </Asking>
      }
    >
      {shown.from ? t('draft.restored.from', { number: String(shown.from) }) : t('draft.restored.text')}
    </Alert>
  )
}

function Write({ set, draft, body, change, touched, restart }: { set: PolicySet; draft: Draft; body: PolicyDraft; change: (part: Partial<Draft>) => void; touched: boolean; restart: () => void }) {
  const [t, can] = [texts.use(), useCan()]
  const [, setParams] = useSearchParams()
  const write = useAct(() => answer(api.POST('/api/policies/{set}/versions', { params: { path: { set: set.name } }, body: { ...body, ...(draft.note.trim() && { note: draft.note.trim() }) } })), {
    stale: ['policies'], done: t('draft.written'),
    then: (made) => {
      restart()
      setParams({ tab: 'versions', version: String(made.number) })
    },
  })
  const unread = draft.cases.trim() !== '' && !body.cases
  return (
    <div className="grid grid-cols-1 gap-4 rounded-card border border-line bg-surface p-5">
      <ProblemAlert problem={write.error} />
      <TextField label={t('draft.note')} hint={t('draft.note.hint')} maxLength={500} value={draft.note} onChange={(e) => change({ note: e.target.value })} />
      <div className="flex flex-wrap justify-end gap-3">
        {touched && (
          <Asking title={t('draft.discard.title')} text={t('draft.discard.text')} confirm={t('draft.discard')} button="quiet" run={async () => restart()}>
            {t('draft.discard')}
          </Asking>
        )}
        {can('cardea:decision.simulate') && (
          <Link to={`/admin/decisions/simulate?set=${set.name}${touched ? '&draft=1' : draft.from ? `&version=${draft.from}` : ''}`} className={buttonClasses('secondary')}>
            <FlaskConical size={18} aria-hidden />
            {t('draft.simulate')}
          </Link>
        )}
        <Button busy={write.isPending} disabled={unread} onClick={() => write.mutate()}>
          {t('draft.write')}
        </Button>
      </div>
    </div>
  )
}
