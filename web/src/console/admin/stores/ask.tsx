import { useState, type FormEvent } from 'react'
import { useSearchParams } from 'react-router'

import { Alert } from '../../../components/alert'
import { Button } from '../../../components/button'
import { Card } from '../../../components/card'
import { Choice } from '../../../components/choice'
import { SelectField, TextField } from '../../../components/field'
import { Answered } from './answered'
import type { Outline, Question, Store, Terms } from './data'
import { useDraft } from './draft'
import { StorePage, WithModel } from './frame'
import { jsonObject, lineOf } from './lines'
import { Listing } from './listing'
import { objectTypes, relationsOf, typeOf, userTypes } from './outline'
import { nothing, supposes, TermsFields, termsOf, type Typed } from './terms'
import { texts } from './texts'

export { loader } from './frame'

/** Asks a store: may somebody, on what, and who; why; and what if something were otherwise. */
export function Component() {
  return <StorePage>{(s) => <WithModel s={s}>{(m) => <Ask key={s.id} s={s} outline={m.outline!} />}</WithModel>}</StorePage>
}

function questionOf(params: URLSearchParams): Question {
  const kind = params.get('ask')
  const of = (name: string) => params.get(name) ?? ''
  return { kind: kind === 'objects' || kind === 'users' ? kind : 'check', user: of('user'), relation: of('relation'), object: of('object'), type: of('type') }
}

function whole({ kind, user, relation, object, type }: Question): boolean {
  return !!relation && (kind === 'check' ? !!user && !!object : kind === 'objects' ? !!user && !!type : !!object && !!type)
}

function Ask({ s, outline }: { s: Store; outline: Outline }) {
  const t = texts.use()
  const [params, setParams] = useSearchParams()
  const q = questionOf(params)
  const [draft, setDraft] = useDraft(`${s.id}:ask`)
  const [typed, setTyped] = useState<Typed>(() => ({ ...nothing, ...(jsonObject(draft ?? '') as Partial<Typed> | undefined) }))
  const [asked, setAsked] = useState(typed)
  const [turn, setTurn] = useState(0) // how often it was asked: the same question again is asked again
  const change = (next: Typed) => {
    setTyped(next)
    setDraft(JSON.stringify(next))
  }
  const ask = (next: Question, terms = typed) => {
    setAsked(terms)
    setTurn((n) => n + 1)
    setParams([['ask', next.kind], ...(['user', 'relation', 'object', 'type'] as const).map((k) => [k, next[k].trim()])].filter(([, v]) => v) as [string, string][], { preventScrollReset: true })
  }
  const suppose = (write: Parameters<typeof lineOf>[0][], remove: Parameters<typeof lineOf>[0][]) => {
    const join = (text: string, more: string[]) => [...text.split('\n').filter((l) => l.trim()), ...more].join('\n')
    const next = { ...typed, write: join(typed.write, write.map(lineOf)), remove: join(typed.remove, remove.map(lineOf)) }
    change(next)
    ask(q, next)
  }
  const now = termsOf(s.id, asked, false)
  const then = supposes(asked) ? termsOf(s.id, asked, true) : undefined
  return (
    <div className="grid grid-cols-1 gap-6">
      <Form key={params.toString()} s={s} outline={outline} start={q} typed={typed} change={change} ask={ask} />
      {whole(q) && !now && <Alert tone="warning">{t('ask.unreadable')}</Alert>}
      {whole(q) && now && <Results key={`${turn} ${params.toString()}`} s={s} q={q} now={now} then={then} suppose={suppose} />}
    </div>
  )
}

function Results({ s, q, now, then, suppose }: { s: Store; q: Question; now: Terms; then: Terms | undefined; suppose: Parameters<typeof Answered>[0]['suppose'] }) {
  const t = texts.use()
  const one = (terms: Terms, title?: string) => (q.kind === 'check' ? <Answered s={s} q={q} terms={terms} {...(title ? { title } : {})} suppose={suppose} /> : <Listing s={s} q={q} terms={terms} {...(title ? { title } : {})} />)
  if (!then) return one(now)
  return (
    <div className="grid grid-cols-1 items-start gap-6 xl:grid-cols-2">
      {one(now, t('ask.now'))}
      {one(then, t('ask.then'))}
    </div>
  )
}

function Form({ s, outline, start, typed, change, ask }: { s: Store; outline: Outline; start: Question; typed: Typed; change: (x: Typed) => void; ask: (q: Question) => void }) {
  const t = texts.use()
  const [kind, setKind] = useState(start.kind)
  const [user, setUser] = useState(start.user)
  const [object, setObject] = useState(start.object)
  const [picked, setRelation] = useState(start.relation)
  const [type, setType] = useState(start.type)
  const types = kind === 'objects' ? objectTypes(outline) : userTypes(outline)
  const chosen = types.includes(type) ? type : (types[0] ?? '')
  const relations = relationsOf(outline, kind === 'objects' ? chosen : object)
  const relation = relations.includes(picked) ? picked : (relations[0] ?? '')
  const q: Question = { kind, user: kind === 'users' ? '' : user, relation, object: kind === 'objects' ? '' : object, type: kind === 'check' ? '' : chosen }
  const submit = (e: FormEvent) => {
    e.preventDefault()
    ask(q)
  }
  const mono = { className: 'font-mono', dir: 'ltr', spellCheck: false, autoComplete: 'off', required: true, maxLength: 1000 } as const
  const fields = {
    user: <TextField key="user" label={t('tuple.user')} placeholder="user:anne" {...mono} value={user} onChange={(e) => setUser(e.target.value)} />,
    relation: (
      <SelectField key="relation" label={t('tuple.relation')} className="font-mono" value={relation} onChange={(e) => setRelation(e.target.value)}>
        {relations.map((r) => (
          <option key={r}>{r}</option>
        ))}
      </SelectField>
    ),
    object: <TextField key="object" label={t('tuple.object')} placeholder={t('tuple.object.example', { type: objectTypes(outline)[0] ?? 'folder' })} {...mono} value={object} onChange={(e) => setObject(e.target.value)} />,
    type: (
      <SelectField key="type" label={t(kind === 'objects' ? 'ask.type.objects' : 'ask.type.users')} className="font-mono" value={chosen} onChange={(e) => setType(e.target.value)}>
        {types.map((x) => (
          <option key={x}>{x}</option>
        ))}
      </SelectField>
    ),
  }
  const order = { check: ['user', 'relation', 'object'], objects: ['user', 'relation', 'type'], users: ['object', 'relation', 'type'] } as const
  return (
    <form onSubmit={submit}>
      <Card
        footer={
          <Button type="submit" disabled={!whole(q) || (kind !== 'objects' && !typeOf(object))}>
            {t('ask.do')}
          </Button>
        }
      >
        <div className="grid grid-cols-1 gap-5">
          <Choice
            label={t('ask.kind')}
            value={kind}
            onChange={(next) => {
              setKind(next)
              setType('') // the types of objects are not those of users
            }}
            options={[
              { value: 'check', label: t('ask.check') },
              { value: 'objects', label: t('ask.objects') },
              { value: 'users', label: t('ask.users') },
            ]}
          />
          <div className="grid gap-x-4 gap-y-5 sm:grid-cols-3">{order[kind].map((f) => fields[f])}</div>
          <TermsFields s={s} value={typed} onChange={change} open={whole(start)} />
        </div>
      </Card>
    </form>
  )
}
