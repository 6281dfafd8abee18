import { useSuspenseQuery } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'

import { accessToken, answer, api, type Schema } from '../../api/client'
import { visit } from '../../api/site'
import { Alert } from '../../components/alert'
import { Button } from '../../components/button'
import { Card, PageHeader } from '../../components/card'
import { TextField } from '../../components/field'
import { ProblemAlert } from '../../components/problem-alert'
import { toast } from '../../components/toast'
import { tellTabs } from '../../session/session'
import { rich } from '../../texts/catalogue'
import { common } from '../../texts/common'
import { queries } from '../queries'
import { useAct } from './act'
import { profile, refresh } from './data'
import { texts } from './texts'

/** Fetches the profile before the page is shown. */
export const loader = () => queries.ensureQueryData(profile)

/** A copy of everything that is stored, and the end of the account. */
export function Component() {
  const t = texts.use()
  const { data: user } = useSuspenseQuery(profile)
  return (
    <>
      <PageHeader title={t('data.title')} description={t('data.text')} />
      <div className="grid gap-6">
        <Export />
        <Delete user={user} />
      </div>
    </>
  )
}

function Export() {
  const t = texts.use()
  const get = useAct(
    () => answer(api.POST('/account/export')),
    (all) => {
      save(all, `account-${new Date().toISOString().slice(0, 10)}.json`)
      toast(t('data.exported'))
      return refresh()
    },
  )
  return (
    <Card
      title={t('data.export')}
      description={t('data.export.text')}
      footer={
        <Button look="secondary" busy={get.isPending} icon={<Download size={18} aria-hidden />} onClick={() => get.mutate()}>
          {t('data.download')}
        </Button>
      }
    >
      <ul className="list-disc space-y-1 ps-5 text-sm text-muted">
        <li>{t('data.export.profile')}</li>
        <li>{t('data.export.access')}</li>
        <li>{t('data.export.events')}</li>
      </ul>
      {get.error ? (
        <div className="mt-5">
          <ProblemAlert problem={get.error} />
        </div>
      ) : (
        get.data?.cut && (
          <div className="mt-5">
            <Alert tone="warning">{t('data.cut')}</Alert>
          </div>
        )
      )}
    </Card>
  )
}

/** Hands a document to the browser as a download. */
function save(document_: unknown, name: string): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(document_, null, 2)], { type: 'application/json' }))
  const a = document.createElement('a')
  a.href = url
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000) // the download has begun by then
}

function Delete({ user }: { user: Schema<'User'> }) {
  const [t, c] = [texts.use(), common.use()]
  const [asking, setAsking] = useState(false)
  const [typed, setTyped] = useState('')
  const [wrong, setWrong] = useState(false)
  const field = useRef<HTMLDivElement>(null)
  const open = useRef<HTMLButtonElement>(null)
  const word = user.email ?? user.id
  const end = useAct(
    () => answer(api.DELETE('/account')),
    () => {
      accessToken.drop()
      tellTabs('signed_out')
      visit('/sign-in?why=account_deleted')
    },
  )
  useEffect(() => {
    if (asking) field.current?.querySelector('input')?.focus()
  }, [asking])
  const cancel = () => {
    setAsking(false)
    setTyped('')
    setWrong(false)
    end.reset()
    requestAnimationFrame(() => open.current?.focus())
  }
  const submit = () => {
    const fits = typed.trim().toLowerCase() === word.toLowerCase()
    setWrong(!fits)
    if (fits) end.mutate()
  }
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        if (asking) submit()
      }}
    >
      <Card
        tone="danger"
        title={t('data.delete')}
        description={t('data.delete.text')}
        footer={
          asking ? (
            <>
              <Button look="secondary" onClick={cancel}>
                {c('cancel')}
              </Button>
              <Button type="submit" look="danger" busy={end.isPending || end.isSuccess}>
                {t('data.delete.final')}
              </Button>
            </>
          ) : (
            <Button ref={open} look="secondary" onClick={() => setAsking(true)}>
              {t('data.delete.begin')}
            </Button>
          )
        }
      >
        {asking && (
          <div ref={field} className="grid gap-5">
            <Alert tone="danger" title={t('data.delete.sure')}>
              {t('data.delete.gone')}
            </Alert>
            <ProblemAlert problem={end.error} />
            <TextField
              label={rich(t('data.delete.type'), { word: <bdi className="font-semibold break-all select-all">{word}</bdi> })}
              value={typed}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              error={wrong ? t('data.delete.wrong') : undefined}
              onChange={(e) => {
                setTyped(e.target.value)
                setWrong(false)
              }}
            />
          </div>
        )}
      </Card>
    </form>
  )
}
