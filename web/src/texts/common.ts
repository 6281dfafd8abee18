import { catalogue } from './catalogue'
import en from './en/common.json'

/** Texts of components, and of refusals by their code. */
export const common = catalogue(en, { de: () => import('./de/common.json') })
