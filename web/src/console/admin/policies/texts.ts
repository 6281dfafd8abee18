import { catalogue } from '../../../texts/catalogue'
import en from '../../../texts/en/policies.json'

/** Texts of policies and decision plans. */
export const texts = catalogue(en, { de: () => import('../../../texts/de/policies.json') })
