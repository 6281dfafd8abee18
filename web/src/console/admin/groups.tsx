import { UsersRound } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useNavigate } from 'react-router'

import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { TextField } from '../../components/field'
import { texts } from './texts'

/** A group exists by its members, so there is no list of all: one is opened by name. */
export function Component() {
  const t = texts.use()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const submit = (e: FormEvent) => {
    e.preventDefault()
    void navigate(`/admin/groups/${encodeURIComponent(name.trim())}`)
  }
  return (
    <>
      <PageHeader title={t('groups.title')} description={t('groups.text')} />
      <form onSubmit={submit} className="max-w-xl">
        <Card
          footer={
            <Button type="submit" icon={<UsersRound size={18} aria-hidden />} disabled={!name.trim()}>
              {t('groups.open')}
            </Button>
          }
        >
          <TextField label={t('group.name')} hint={t('group.name.hint')} required maxLength={100} value={name} onChange={(e) => setName(e.target.value)} />
        </Card>
      </form>
    </>
  )
}
