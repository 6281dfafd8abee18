import { useState, type FormEvent } from 'react'

import { answer, api } from '../../../api/client'
import { Problem } from '../../../api/problem'
import { Button } from '../../../components/button'
import { Dialog } from '../../../components/dialog'
import { SelectField, TextArea, TextField, useFirstWrong } from '../../../components/field'
import { ProblemAlert, useProblemText } from '../../../components/problem-alert'
import { common } from '../../../texts/common'
import { useAct } from '../act'
import type { Outline, Store, Tuple } from './data'
import { jsonObject } from './lines'
import { conditionsOf, givenRelations, kindOf, objectTypes, subjectsOf, typeOf } from './outline'
import { texts } from './texts'

/** Writes a tuple: the model says which relations can be given, to whom, and under which condition. */
export function WriteTuple({ s, outline, start, close }: { s: Store; outline: Outline; start: { user: string; relation: string; object: string }; close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const words = useProblemText()
  const [object, setObject] = useState(start.object || `${objectTypes(outline)[0] ?? ''}:`)
  const [picked, setRelation] = useState(start.relation)
  const [user, setUser] = useState(start.user)
  const [under, setUnder] = useState<string>()
  const [context, setContext] = useState('{}')
  const [until, setUntil] = useState('')
  const relations = givenRelations(outline, object)
  const relation = relations.includes(picked) ? picked : (relations[0] ?? '')
  const kinds = subjectsOf(outline, object, relation)
  const conditions = conditionsOf(outline, object, relation)
  const condition = under !== undefined && conditions.includes(under || undefined) ? under : (conditions[0] ?? '')
  const known = outline.types.some((x) => x.name === typeOf(object))
  const given = jsonObject(context)
  const write = useAct(
    () => {
      const tuple: Tuple = { user: user.trim(), relation, object: object.trim() }
      if (condition) tuple.condition = { name: condition, context: given ?? {} }
      if (until) tuple.expires = new Date(until).toISOString()
      return answer(api.POST('/api/stores/{store}/tuples', { params: { path: { store: s.id } }, body: { tuples: [tuple] } }))
    },
    { stale: ['tuples'], done: t('tuple.written'), then: close },
  )
  const form = useFirstWrong(write.error)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (!condition || given) write.mutate()
  }
  const at = (pointer: string) => (write.error instanceof Problem && write.error.fields.has(`/tuples/0${pointer}`) ? words(write.error) : undefined)
  const placed = at('/user') ?? at('/object') ?? at('/condition')
  return (
    <Dialog open onOpenChange={close} title={t('tuple.add')} description={t('tuple.add.text')}>
      <form ref={form} className="grid gap-5" onSubmit={submit}>
        <TextField
          label={t('tuple.object')} required maxLength={1000} className="font-mono" dir="ltr" value={object} onChange={(e) => setObject(e.target.value)}
          hint={t('tuple.object.hint', { types: objectTypes(outline).join(', ') })}
          error={at('/object') ?? (typeOf(object) && !known ? t('tuple.type_unknown') : undefined)}
        />
        <SelectField label={t('tuple.relation')} required className="font-mono" value={relation} onChange={(e) => setRelation(e.target.value)} disabled={relations.length === 0}>
          {relations.map((r) => (
            <option key={r}>{r}</option>
          ))}
        </SelectField>
        <TextField
          label={t('tuple.user')} required maxLength={1000} className="font-mono" dir="ltr" value={user} onChange={(e) => setUser(e.target.value)}
          hint={kinds.length > 0 ? t('tuple.user.hint', { kinds: [...new Set(kinds.map(kindOf))].join(', ') }) : undefined} error={at('/user')}
        />
        {conditions.some(Boolean) && (
          <SelectField label={t('tuple.condition')} value={condition} onChange={(e) => setUnder(e.target.value)}>
            {conditions.map((name) => (
              <option key={name ?? ''} value={name ?? ''}>
                {name ?? t('tuple.condition.none')}
              </option>
            ))}
          </SelectField>
        )}
        {condition && (
          <TextArea
            label={t('tuple.context')} rows={3} className="font-mono" dir="ltr" spellCheck={false} value={context} onChange={(e) => setContext(e.target.value)}
            hint={t('tuple.context.hint', { parameters: outline.conditions.find((x) => x.name === condition)?.parameters.map((p) => `${p.name}: ${p.type}`).join(', ') ?? '' })}
            error={given ? at('/condition') : t('tuple.context.wrong')}
          />
        )}
        <TextField label={t('tuple.expires')} type="datetime-local" hint={t('tuple.expires.hint')} value={until} onChange={(e) => setUntil(e.target.value)} />
        {!placed && <ProblemAlert problem={write.error} />}
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={write.isPending} disabled={!relation || !user.trim()}>
            {t('tuple.write')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
