import { Menu as MenuIcon, X } from 'lucide-react'
import { lazy, Suspense, useEffect, useState } from 'react'
import { Link, NavLink, Outlet, useLocation, useNavigation } from 'react-router'

import { visit } from '../api/site'
import { IconButton } from '../components/button'
import { classes } from '../components/classes'
import { Mark } from '../components/icons'
import { Skeleton } from '../components/skeleton'
import { Toasts } from '../components/toast'
import { useCan, useSession, type Person } from '../session/session'
import { useLanguage } from '../texts/language'
import { consoles } from './consoles'
import type { Console, IconName, Page } from './page'
import { texts } from './texts'

// What floats above the page is fetched right after it: a page is read before a menu is opened.
const UserMenu = lazy(() => import('./user-menu').then((m) => ({ default: m.UserMenu })))
const NavIcon = lazy(() => import('./nav-icons').then((m) => ({ default: m.NavIcon })))
const SessionOver = lazy(() => import('./session-over').then((m) => ({ default: m.SessionOver })))
const StepUpDialog = lazy(() => import('../session/step-up-dialog').then((m) => ({ default: m.StepUpDialog })))

/** The frame around every page of the consoles: who is signed in, where one is, what else there is. */
export function Frame() {
  const t = texts.use()
  const session = useSession()
  const { pathname } = useLocation()
  const [open, setOpen] = useState(false)
  const loading = useNavigation().state === 'loading'
  const console = consoles.find((c) => pathname === '/' + c.path || pathname.startsWith(`/${c.path}/`)) ?? consoles[0]!
  useEffect(() => setOpen(false), [pathname])
  useEffect(() => {
    if (session.state === 'anonymous' && !session.expired) visit('/sign-in')
  }, [session])
  const pages = useShown()(console)
  const user = useLast(session.state === 'authenticated' ? session.user : undefined)

  return (
    <>
      <a href="#content" className="sr-only z-40 rounded-control bg-accent px-4 py-2 text-on-accent focus:not-sr-only focus:fixed focus:start-3 focus:top-3">
        {t('skip')}
      </a>
      <div aria-hidden className={classes('fixed inset-x-0 top-0 z-30 h-0.5 origin-left bg-accent transition-[scale,opacity] duration-300', loading ? 'scale-x-75' : 'scale-x-0 opacity-0')} />
      <header className="sticky top-0 z-10 border-b border-line bg-surface">
        <div className="mx-auto flex h-16 max-w-6xl items-center gap-3 px-4 max-sm:gap-2 sm:px-6">
          {pages.length > 0 && (
            <IconButton label={t('menu')} className="lg:hidden" aria-expanded={open} aria-controls="navigation" onClick={() => setOpen(!open)}>
              {open ? <X size={20} aria-hidden /> : <MenuIcon size={20} aria-hidden />}
            </IconButton>
          )}
          <Link to="/" className="flex items-center gap-2.5 rounded-control font-semibold">
            <Mark size={28} />
            <span className="max-sm:sr-only">Cardea</span>
          </Link>
          <Switcher current={console} />
          <div className="ms-auto">{user && (
              <Suspense fallback={<span className="block size-11" />}>
                <UserMenu user={user} />
              </Suspense>
            )}</div>
        </div>
      </header>
      <div className="mx-auto flex max-w-6xl gap-10 px-4 sm:px-6">
        {pages.length > 0 && <Navigation console={console} pages={pages} open={open} />}
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 py-8 outline-none">
          <Suspense fallback={<Skeleton lines={6} />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <Suspense>
        <SessionOver user={user} />
        <StepUpDialog />
      </Suspense>
      <Toasts />
    </>
  )
}

/** The last value that was there: the frame keeps its shape while the session is over. */
function useLast(user: Person | undefined): Person | undefined {
  const [last, setLast] = useState(user)
  if (user && user !== last) setLast(user)
  return user ?? last
}

/** The consoles in which there is something to see for this person. */
function useConsoles(): Console[] {
  const shown = useShown()
  return consoles.filter((c) => shown(c).length > 0)
}

/** The pages of a console that are in the navigation of this person. */
function useShown(): (c: Console) => readonly Page[] {
  const can = useCan()
  return (c) => c.pages.filter((p) => p.title && (!p.needs || can(p.needs)))
}

/** Room for the icon until it has come. */
function Icon({ name }: { name: IconName }) {
  return (
    <Suspense fallback={<span className="size-[17px]" />}>
      <NavIcon name={name} />
    </Suspense>
  )
}

const address = (c: Console, p: Page) => `/${c.path}${p.path && '/' + p.path}`

function Switcher({ current }: { current: Console }) {
  const [available, shown] = [useConsoles(), useShown()]
  if (available.every((c) => c === current)) return null
  return (
    <nav className="flex gap-1 sm:ms-4 max-sm:-ms-1 max-sm:gap-0">
      {available.map((c) => (
        <Link
          key={c.path}
          to={address(c, shown(c)[0]!)}
          aria-current={c === current ? 'true' : undefined}
          className={classes('inline-flex min-h-10 items-center gap-2 rounded-control px-3 text-sm font-medium max-sm:px-2.5', c === current ? 'bg-accent-soft text-accent' : 'text-muted hover:text-ink')}
        >
          <Icon name={c.icon} />
          <span className="max-sm:sr-only">{c.title()}</span>
        </Link>
      ))}
    </nav>
  )
}

function Navigation({ console, pages, open }: { console: Console; pages: readonly Page[]; open: boolean }) {
  useLanguage()
  return (
    <nav
      id="navigation"
      aria-label={console.title()}
      className={classes(
        'lg:sticky lg:top-16 lg:block lg:w-52 lg:shrink-0 lg:self-start lg:py-8',
        open ? 'fixed inset-x-0 top-16 bottom-0 z-10 overflow-y-auto bg-canvas p-4' : 'max-lg:hidden',
      )}
    >
      <ul className="grid gap-0.5">
        {pages.map((p, i) => {
          const section = p.section?.()
          return (
            <li key={p.path}>
              {section && section !== pages[i - 1]?.section?.() && <p className="px-3 pt-4 pb-1 text-xs font-semibold text-muted">{section}</p>}
              <NavLink
                end={p.path === ''}
                to={address(console, p)}
                className={({ isActive }) =>
                  classes('flex min-h-10 items-center gap-3 rounded-control px-3 text-sm font-medium', isActive ? 'bg-accent-soft text-accent' : 'text-muted hover:bg-sunken hover:text-ink')
                }
              >
                {p.icon && <Icon name={p.icon} />}
                {p.title?.()}
              </NavLink>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}

/** Shown while the session is being recovered: the shape of the page, no sign-in form. */
export function Opening() {
  return (
    <div className="mx-auto max-w-6xl px-6 pt-28">
      <Skeleton lines={6} />
    </div>
  )
}
