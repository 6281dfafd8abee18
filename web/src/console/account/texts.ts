import { catalogue } from '../../texts/catalogue'
import en from '../../texts/en/account.json'

/** Texts of the account console. */
export const texts = catalogue(en, { de: () => import('../../texts/de/account.json') })
