import { site } from '../api/site'
import { account } from './account/pages'
import { admin } from './admin/pages'
import { dev } from './dev/pages'
import type { Console } from './page'

/** Every console. The first is where somebody lands who has asked for nothing else. */
export const consoles: readonly Console[] = site.dev ? [account, admin, dev] : [account, admin]
