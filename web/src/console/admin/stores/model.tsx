import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { CircleAlert, CircleCheck, LoaderCircle } from 'lucide-react'
import { useEffect, useState } from 'react'

import { answer, api } from '../../../api/client'
import { Problem } from '../../../api/problem'
import { Alert } from '../../../components/alert'
import { Button } from '../../../components/button'
import { Card } from '../../../components/card'
import { CodeEditor, type Mark } from '../../../components/code-editor'
import { ProblemAlert } from '../../../components/problem-alert'
import { queries } from '../../queries'
import { useAct } from '../act'
import { Asking, Code } from '../parts'
import { Changes } from './changes'
import { judgement, model, type Judgement, type Store } from './data'
import { useDraft } from './draft'
import { readsModels, StorePage, WithModel } from './frame'
import { columnInBytes, fga, firstModel } from './language'
import { useCanHere } from './powers'
import { texts } from './texts'

export { loader } from './frame'

/** The model of a store, to be read and to be written: what is wrong stands where it is wrong, and what would change below. */
export function Component() {
  const can = useCanHere()
  return <StorePage>{(s) => (s.model || !can(readsModels) ? <WithModel s={s}>{(m) => <Editor key={s.id} s={s} text={m.text ?? ''} />}</WithModel> : <Editor key={s.id} s={s} text="" />)}</StorePage>
}

/** A text a moment after the last key. */
function useSettled(text: string): string {
  const [settled, set] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => set(text), 350)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}

/** The findings as marks of the editor. */
export function marksOf(text: string, j: Judgement | undefined): Mark[] {
  const mark = (tone: 'danger' | 'warning') => (f: Judgement['wrong'][number]): Mark => ({ line: f.line, column: columnInBytes(text, f.line, f.column), text: [f.text, f.hint].filter(Boolean).join(' '), tone })
  return j ? [...j.wrong.map(mark('danger')), ...j.advice.map(mark('warning'))] : []
}

function Editor({ s, text }: { s: Store; text: string }) {
  const [t, can] = [texts.use(), useCanHere()]
  const [draft, setDraft] = useDraft(`${s.id}:model`)
  const [base, setBase] = useDraft(`${s.id}:base`) // the version that the draft began with
  const now = draft ?? text
  const settled = useSettled(now)
  const checked = useQuery({ ...judgement(s.id, s.model ?? '', settled), enabled: settled.trim() !== '', placeholderData: keepPreviousData })
  const current = settled === now && !checked.isPlaceholderData // what is said is about what stands there
  const j = settled.trim() === '' ? undefined : checked.data
  const may = can('cardea:authz.model.write')
  const change = (next: string) => {
    if (draft === undefined) setBase(s.model ?? '')
    setDraft(next === text ? undefined : next)
  }
  const drop = () => {
    setDraft(undefined)
    setBase(undefined)
  }
  const write = useAct(() => answer(api.POST('/api/stores/{store}/models', { params: { path: { store: s.id } }, body: { text: now } })), {
    stale: ['tuples'], done: t(s.pinned ? 'model.written.pinned' : 'model.written'),
    then: async (v) => {
      await queries.ensureQueryData(model(s.id, v.id))
      drop()
      await queries.invalidateQueries({ queryKey: ['admin', 'stores'] })
    },
  })
  const moved = draft !== undefined && base !== undefined && base !== (s.model ?? '')
  const ready = current && !!j?.sound && draft !== undefined
  return (
    <div className="grid grid-cols-1 gap-6">
      {moved && (
        <Alert tone="warning" title={t('model.moved')}>
          {t('model.moved.text')}
        </Alert>
      )}
      <Card
        title={t(s.model ? 'model.used' : 'model.first')}
        description={s.model ? <Code>{s.model}</Code> : t('model.first.text')}
        actions={
          !s.model && !now && may ? (
            <Button look="secondary" onClick={() => change(firstModel)}>
              {t('model.example')}
            </Button>
          ) : undefined
        }
        {...(may && {
          footer: (
            <>
              {draft !== undefined && (
                <Asking title={t('model.discard')} text={t('model.discard.text')} confirm={t('model.discard.do')} run={async () => drop()}>
                  {t('model.discard.do')}
                </Asking>
              )}
              <Button busy={write.isPending} disabled={!ready} onClick={() => write.mutate()}>
                {t('model.write')}
              </Button>
            </>
          ),
        })}
      >
        <div className="grid grid-cols-1 gap-3">
          <CodeEditor label={t('model.text')} hint={t('model.hint')} value={now} {...(may ? { onChange: change } : { readOnly: true })} highlight={fga} marks={current ? marksOf(now, j) : []} size="tall" />
          <State j={j} empty={!now.trim()} busy={!current || checked.isFetching} failed={checked.error} />
          <ProblemAlert problem={write.error} />
        </div>
      </Card>
      {draft !== undefined && s.model && j?.sound && (
        <Card title={t('changes.title')} description={t('changes.text')}>
          <Changes changes={j.changes} label={t('changes.title')} />
        </Card>
      )}
    </div>
  )
}

/** In a word how the text stands; said to a screen reader when it changes. */
function State({ j, empty, busy, failed }: { j: Judgement | undefined; empty: boolean; busy: boolean; failed: unknown }) {
  const t = texts.use()
  if (failed && !(failed instanceof Problem && failed.status === 400)) return <ProblemAlert problem={failed} />
  const [Icon, colour, text] = empty
    ? [CircleAlert, 'text-muted', t('check.empty')] as const
    : busy || !j
      ? [LoaderCircle, 'text-muted', t('check.busy')] as const
      : j.sound
        ? [CircleCheck, 'text-success', j.advice.length > 0 ? t('check.advice', { count: j.advice.length }) : t('check.sound')] as const
        : [CircleAlert, 'text-danger', t('check.wrong', { count: j.wrong.length })] as const
  return (
    <p role="status" className={`flex items-center gap-2 text-sm font-medium ${colour}`}>
      <Icon size={17} aria-hidden className="shrink-0" />
      {text}
    </p>
  )
}
