import { Plus, Tags } from 'lucide-react'
import { useState, type FormEvent } from 'react'

import { answer, api, type Schema } from '../../api/client'
import { Button } from '../../components/button'
import { PageHeader } from '../../components/card'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { useAct } from './act'
import { fieldError } from './application-new'
import { scopes } from './data'
import { List } from './list'
import { Asking, Code } from './parts'
import { texts } from './texts'

/** The scopes of the tenant's APIs, in the words that people are asked with. */
export function Component() {
  const [t, c, can] = [texts.use(), common.use(), useCan()]
  const [editing, setEditing] = useState<Schema<'Scope'>>()
  const remove = useAct((name: string) => answer(api.DELETE('/api/scopes', { params: { query: { name } } })), { stale: ['scopes'], done: t('scopes.removed') })
  const add = can('cardea:scope.declare') && (
    <Button icon={<Plus size={18} aria-hidden />} onClick={() => setEditing({ name: '', words: '' })}>
      {t('scopes.add')}
    </Button>
  )
  return (
    <>
      <PageHeader title={t('scopes.page')} description={t('scopes.text')} actions={add} />
      <List
        query={scopes}
        label={t('scopes.page')}
        rowKey={(s) => s.name}
        columns={[
          { id: 'name', title: t('scope.name'), cell: (s) => <Code>{s.name}</Code> },
          { id: 'words', title: t('scope.words'), cell: (s) => <span className="user-text">{t('scope.asks', { words: s.words })}</span> },
          {
            id: 'do', title: <span className="sr-only">{t('actions')}</span>, end: true,
            cell: (s) => (
              <div className="flex flex-wrap justify-end gap-2">
                {can('cardea:scope.declare') && (
                  <Button size="small" look="secondary" aria-label={t('scope.edit_of', { name: s.name })} onClick={() => setEditing(s)}>
                    {t('edit')}
                  </Button>
                )}
                {can('cardea:scope.remove') && (
                  <Asking size="small" title={t('scope.remove.title', { name: s.name })} text={t('scope.remove.text')} confirm={t('remove')} label={t('scope.remove.title', { name: s.name })} run={() => remove.mutateAsync(s.name)}>
                    {t('remove')}
                  </Asking>
                )}
              </div>
            ),
          },
        ]}
        empty={
          <EmptyState icon={<Tags aria-hidden />} title={t('scopes.none')} action={add}>
            {t('scopes.none.text')}
          </EmptyState>
        }
      />
      {editing && <Declare scope={editing} close={() => setEditing(undefined)} cancel={c('cancel')} save={c('save')} />}
    </>
  )
}

function Declare({ scope, close, cancel, save }: { scope: Schema<'Scope'>; close: () => void; cancel: string; save: string }) {
  const t = texts.use()
  const [name, setName] = useState(scope.name)
  const [words, setWords] = useState(scope.words)
  const declare = useAct(() => answer(api.PUT('/api/scopes', { body: { name, words } })), { stale: ['scopes'], done: t('scopes.declared'), then: close })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    declare.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={scope.name ? t('scope.edit') : t('scopes.add')}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={declare.error} />
        <TextField label={t('scope.name')} hint={t('scope.name.hint')} required readOnly={scope.name !== ''} value={name} onChange={(e) => setName(e.target.value)} className="font-mono" dir="ltr" error={fieldError(declare.error, '/name')} />
        <TextField label={t('scope.words')} hint={t('scope.words.hint')} required maxLength={200} value={words} onChange={(e) => setWords(e.target.value)} error={fieldError(declare.error, '/words')} />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {cancel}
          </Button>
          <Button type="submit" busy={declare.isPending}>
            {save}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
