import { Building2, Plus } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { Link, useNavigate } from 'react-router'

import { answer, api } from '../../api/client'
import { Badge } from '../../components/badge'
import { Button } from '../../components/button'
import { PageHeader } from '../../components/card'
import { Dialog } from '../../components/dialog'
import { EmptyState } from '../../components/empty-state'
import { TextArea, TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { useCan } from '../../session/session'
import { common } from '../../texts/common'
import { useAct } from './act'
import { fieldError } from './application-new'
import { orgs } from './data'
import { List } from './list'
import { linkClasses, Time } from './names'
import { Finder, linesOf, some, useParam } from './parts'
import { texts } from './texts'

/** All organisations, found by name. */
export function Component() {
  const [t, can] = [texts.use(), useCan()]
  const [q] = useParam('q')
  const [adding, setAdding] = useState(false)
  const add = can('cardea:org.create') && (
    <Button icon={<Plus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t('orgs.add')}
    </Button>
  )
  return (
    <>
      <PageHeader title={t('orgs.title')} description={t('orgs.text')} actions={add} />
      <Finder label={t('orgs.find')} />
      <List
        query={orgs(q)}
        label={t('orgs.title')}
        rowKey={(o) => o.id}
        columns={[
          {
            id: 'name', title: t('org.org'),
            cell: (o) => (
              <span className="flex flex-wrap items-center gap-2">
                <Link to={`/admin/organisations/${o.id}`} className={linkClasses}>
                  {o.name}
                </Link>
                {o.disabled && <Badge tone="danger">{t('app.disabled')}</Badge>}
              </span>
            ),
          },
          { id: 'domains', title: t('org.domains'), cell: (o) => o.domains.join(', ') || '–' },
          { id: 'created', title: t('created'), end: true, wideOnly: true, cell: (o) => <Time at={o.created} day /> },
        ]}
        empty={
          <EmptyState icon={<Building2 aria-hidden />} title={q ? t('orgs.none_found', { text: q }) : t('orgs.none')} action={q ? undefined : add}>
            {t('orgs.none.text')}
          </EmptyState>
        }
      />
      {adding && <AddOrg close={() => setAdding(false)} />}
    </>
  )
}

function AddOrg({ close }: { close: () => void }) {
  const [t, c] = [texts.use(), common.use()]
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [domains, setDomains] = useState('')
  const add = useAct(
    () => {
      const list = some(linesOf(domains))
      return answer(api.POST('/api/orgs', { body: { name, ...(list && { domains: list }) } }))
    },
    { stale: ['orgs'], done: t('orgs.added'), then: (made) => void navigate(`/admin/organisations/${made.id}`) },
  )
  const submit = (e: FormEvent) => {
    e.preventDefault()
    add.mutate()
  }
  return (
    <Dialog open onOpenChange={close} title={t('orgs.add')}>
      <form className="grid gap-5" onSubmit={submit}>
        <ProblemAlert problem={add.error} />
        <TextField label={t('org.name')} required maxLength={200} value={name} onChange={(e) => setName(e.target.value)} error={fieldError(add.error, '/name')} />
        <TextArea label={t('org.domains')} hint={t('org.domains.hint')} rows={2} value={domains} onChange={(e) => setDomains(e.target.value)} error={fieldError(add.error, '/domains')} dir="ltr" placeholder="example.com" />
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="secondary" onClick={close}>
            {c('cancel')}
          </Button>
          <Button type="submit" busy={add.isPending}>
            {t('orgs.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
