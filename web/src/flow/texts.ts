import { catalogue } from '../texts/catalogue'
import en from '../texts/en/flow.json'

/** Texts of the steps of a flow. */
export const texts = catalogue(en, { de: () => import('../texts/de/flow.json') })
