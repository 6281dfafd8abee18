import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { Button } from '../../components/button'
import { ProblemAlert } from '../../components/problem-alert'
import { Skeleton } from '../../components/skeleton'
import { Table, type Column } from '../../components/table'
import { common } from '../../texts/common'
import type { pages } from './data'

/** A table that grows page by page: grey lines while it is fetched, what to do next when it is empty, why when it was refused. */
export function List<T>({ query, label, columns, rowKey, empty, first = [] }: {
  query: ReturnType<typeof pages<T>>
  label: string
  columns: readonly Column<T>[]
  rowKey: (row: T) => string
  empty: ReactNode
  /** Rows that stand before all others and come from elsewhere. */
  first?: readonly T[]
}) {
  const c = common.use()
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage, refetch, isRefetching } = useInfiniteQuery(query)
  if (isPending) return <Skeleton lines={5} />
  const rows = [...first, ...(data?.pages.flatMap((p) => p.items) ?? [])]
  return (
    <div className="grid grid-cols-1 gap-4">
      {error && (
        <>
          <ProblemAlert problem={error} />
          <Button look="secondary" className="justify-self-start" busy={isRefetching} onClick={() => void refetch()}>
            {c('try_again')}
          </Button>
        </>
      )}
      {data && <Table label={label} columns={columns} rows={rows} rowKey={rowKey} empty={hasNextPage ? null : empty} />}
      {hasNextPage && (
        <Button look="secondary" className="justify-self-center" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {c('load_more')}
        </Button>
      )}
    </div>
  )
}
