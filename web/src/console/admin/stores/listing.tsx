import { useInfiniteQuery } from '@tanstack/react-query'

import { Alert } from '../../../components/alert'
import { Badge } from '../../../components/badge'
import { Button } from '../../../components/button'
import { Card } from '../../../components/card'
import { ProblemAlert } from '../../../components/problem-alert'
import { Skeleton } from '../../../components/skeleton'
import { common } from '../../../texts/common'
import { Code } from '../parts'
import { objectsOf, usersOf, type Question, type Store, type Terms } from './data'
import { texts } from './texts'

/** A complete list in pages: on what somebody has a relation, or who has one to something. */
export function Listing({ s, q, terms, title }: { s: Store; q: Question; terms: Terms; title?: string }) {
  const [t, c] = [texts.use(), common.use()]
  const query = q.kind === 'objects' ? objectsOf(s.id, q.user, q.relation, q.type, terms) : usersOf(s.id, q.object, q.relation, q.type, terms)
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(query)
  if (error && !data) return <ProblemAlert problem={error} {...(title ? { title } : {})} />
  if (!data) return <Skeleton />
  const all = data.pages.flatMap((p) => p.items)
  const except = data.pages.flatMap((p) => p.except ?? [])
  const missing = [...new Set(data.pages.flatMap((p) => p.missing ?? []))]
  const everyone = data.pages[0]!.everyone
  const what = q.kind === 'objects' ? t('list.objects', { user: q.user, relation: q.relation, type: q.type }) : t('list.users', { object: q.object, relation: q.relation, type: q.type })
  return (
    <Card title={title ?? t('list.title')} description={what}>
      <div className="grid grid-cols-1 gap-4" aria-live="polite">
        {missing.length > 0 && <Alert tone="warning">{t('holders.missing', { missing: missing.join(', ') })}</Alert>}
        {everyone && (
          <p>
            <Badge tone="accent">{t('holders.everyone', { kind: q.type })}</Badge>
          </p>
        )}
        {all.length === 0 && !everyone && !hasNextPage ? (
          <p className="text-muted">{t(q.kind === 'objects' ? 'list.objects.none' : 'list.users.none')}</p>
        ) : (
          <ul aria-label={what} className="flex flex-wrap gap-2">
            {all.map((x) => (
              <li key={x} className="min-w-0">
                <Code>{x}</Code>
              </li>
            ))}
          </ul>
        )}
        {except.length > 0 && (
          <p className="user-text text-sm">
            {t('list.except')} {except.join(', ')}
          </p>
        )}
        {error && <ProblemAlert problem={error} />}
        {hasNextPage && (
          <Button look="secondary" className="justify-self-center" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {c('load_more')}
          </Button>
        )}
      </div>
    </Card>
  )
}
