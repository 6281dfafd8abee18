import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { site } from '../api/site'
import { followSession } from '../session/session'
import { startLanguage } from '../texts/language'
import { startAppearance } from '../theme/appearance'
import { applyAccent } from '../theme/colour'
import { Page } from './pages'

startAppearance()
applyAccent(document.documentElement, site.accent)
followSession()
await startLanguage()
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Page />
  </StrictMode>,
)
