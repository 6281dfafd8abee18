import './style.css'

import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createBrowserRouter, redirect, RouterProvider, type LoaderFunctionArgs } from 'react-router'

import { current, finish, signIn } from './auth'
import { Failed, Frame, Home, Invoices } from './pages'

/** The guard of a route: whoever is not signed in goes to Cardea and comes back to the same address. */
async function signedIn({ request }: LoaderFunctionArgs) {
  const { pathname, search } = new URL(request.url)
  return (await current()) ?? signIn(pathname + search)
}

const router = createBrowserRouter([
  { path: '/callback', loader: async () => redirect(await finish()), ErrorBoundary: Failed, HydrateFallback: () => null },
  {
    Component: Frame,
    loader: current,
    HydrateFallback: () => <p className="wait">One moment …</p>,
    ErrorBoundary: Failed,
    children: [
      { path: '/', Component: Home },
      { path: '/invoices', loader: signedIn, Component: Invoices },
    ],
  },
])

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <RouterProvider router={router} />
  </StrictMode>,
)
