import { catalogue } from '../../../texts/catalogue'
import en from '../../../texts/en/decisions.json'

/** Texts of the log of decisions and of what-if. */
export const texts = catalogue(en, { de: () => import('../../../texts/de/decisions.json') })
