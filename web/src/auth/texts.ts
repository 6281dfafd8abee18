import { catalogue } from '../texts/catalogue'
import en from '../texts/en/auth.json'

/** Texts of the pages that sign people in and out. */
export const texts = catalogue(en, { de: () => import('../texts/de/auth.json') })
