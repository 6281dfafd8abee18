import en from '../../texts/en/dev.json'
import { catalogue } from '../../texts/catalogue'

/** Texts of what only a development server has. */
export const texts = catalogue(en, { de: () => import('../../texts/de/dev.json') })
