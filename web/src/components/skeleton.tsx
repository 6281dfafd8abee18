import { common } from '../texts/common'

/** Grey lines where something will be. It says so to a screen reader once. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  const t = common.use()
  return (
    <div role="status" className="animate-pulse-slow space-y-3">
      <span className="sr-only">{t('loading')}</span>
      {Array.from({ length: lines }, (_, i) => (
        <div key={i} aria-hidden className={`h-4 rounded bg-line ${['w-4/5', 'w-full', 'w-3/5'][i % 3]}`} />
      ))}
    </div>
  )
}
