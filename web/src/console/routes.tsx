import { redirect, redirectDocument, type LoaderFunctionArgs, type RouteObject } from 'react-router'

import { Problem } from '../api/problem'
import { site } from '../api/site'
import { knownSession } from '../session/session'
import { textsLoaded } from '../texts/language'
import { Broken, NotFound } from './broken'
import { consoles } from './consoles'
import { Frame, Opening } from './frame'
import type { Page, PageModule } from './page'

/** Lets nobody in who is not signed in, and remembers where they wanted to go. */
async function signedIn({ request }: LoaderFunctionArgs) {
  const session = await knownSession()
  if (session.state === 'authenticated') return session
  const { pathname, search } = new URL(request.url)
  const why = session.state === 'anonymous' && session.expired ? '&why=session_expired' : ''
  throw redirectDocument('/sign-in?return_to=' + encodeURIComponent(pathname.slice(site.base.length) + search) + why)
}

/**
 * Fetches a page, and its texts in the language of this page. What does not come is a lost connection, and is said
 * in the place of the page: a refusal here would leave that place empty, because the frame has a HydrateFallback.
 */
async function fetched(page: Page): Promise<PageModule> {
  try {
    const module = await page.load()
    await textsLoaded()
    return module
  } catch {
    return { Component: Broken, loader: () => Promise.reject(new Problem({ code: 'offline' })) }
  }
}

/** The routes of all consoles. Every page is fetched when it is first visited. */
export const routes: RouteObject[] = [
  {
    path: '/',
    loader: signedIn,
    Component: Frame,
    HydrateFallback: Opening,
    ErrorBoundary: Broken,
    children: [
      { index: true, loader: () => redirect('/' + consoles[0]!.path) },
      ...consoles.map((console): RouteObject => ({
        path: console.path,
        children: console.pages.map((page): RouteObject => {
          const route = { lazy: () => fetched(page), ErrorBoundary: Broken }
          return page.path === '' ? { index: true, ...route } : { path: page.path, ...route }
        }),
      })),
      { path: '*', Component: NotFound },
    ],
  },
]
