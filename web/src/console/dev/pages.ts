import type { Console } from '../page'
import { texts } from '../texts'

/** What only a development server has: an API to try. */
export const dev: Console = {
  path: 'dev',
  title: () => texts.text('dev'),
  icon: 'sample',
  pages: [{ path: 'sample', title: () => texts.text('nav.sample'), icon: 'sample', load: () => import('./sample') }],
}
