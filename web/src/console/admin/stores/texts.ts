import { catalogue } from '../../../texts/catalogue'
import en from '../../../texts/en/stores.json'

/** Texts of the pages about stores of applications. */
export const texts = catalogue(en, { de: () => import('../../../texts/de/stores.json') })
