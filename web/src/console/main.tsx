import { CSPProvider } from '@base-ui/react/csp-provider'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createBrowserRouter, RouterProvider } from 'react-router'

import { site } from '../api/site'
import { followSession } from '../session/session'
import { startLanguage } from '../texts/language'
import { startAppearance } from '../theme/appearance'
import { applyAccent } from '../theme/colour'
import { queries } from './queries'
import { routes } from './routes'

startAppearance()
applyAccent(document.documentElement, site.accent)
followSession()
await startLanguage()
const router = createBrowserRouter(routes, { basename: site.base || '/' })
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
)
