import type { ReactNode } from 'react'

import { site } from '../api/site'
import { Mark } from '../components/icons'
import { Preferences } from '../components/preferences'
import { useTitle } from '../components/use-title'
import { texts } from './texts'

/** One card in the middle of a quiet page; on a narrow window the card is the page. */
export function Layout({ title, lead, children, below }: { title: string; lead?: ReactNode; children?: ReactNode; below?: ReactNode }) {
  const t = texts.use()
  useTitle(title)
  return (
    <div className="flex min-h-dvh flex-col items-center px-0 sm:px-4 sm:pt-[clamp(1.5rem,9vh,6rem)]">
      <main className="w-full max-w-md grow bg-surface px-5 pt-8 pb-8 sm:grow-0 sm:rounded-card sm:border sm:border-line sm:px-9 sm:py-9 sm:shadow-card">
        <div className="mb-6">
          <Mark size={40} />
        </div>
        <h1 className="text-display">{title}</h1>
        {lead && <div className="mt-2 text-muted">{lead}</div>}
        <div className="mt-6 flex flex-col gap-5">{children}</div>
        {below && <div className="mt-6 border-t border-line pt-5 text-sm text-muted">{below}</div>}
      </main>
      <footer className="w-full bg-surface py-4 max-sm:border-t max-sm:border-line sm:bg-transparent sm:py-6">
        <Preferences />
        {site.dev && (
          <p className="mt-2 flex justify-center gap-2 text-sm text-muted">
            {t('dev')} · <Onward to={site.base + '/dev/mailbox'}>{t('dev.mailbox')}</Onward>
          </p>
        )}
      </footer>
    </div>
  )
}

/** A link within the sign-in pages, which keeps what the application has asked for. */
export function Onward({ to, children }: { to: string; children: ReactNode }) {
  return (
    <a href={to} className="rounded-sm font-medium text-accent underline decoration-from-font underline-offset-3 hover:decoration-2">
      {children}
    </a>
  )
}
