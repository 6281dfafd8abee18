import { catalogue } from '../../texts/catalogue'
import en from '../../texts/en/admin.json'

/** Texts of the administration. They come with its pages, not with the frame. */
export const texts = catalogue(en, { de: () => import('../../texts/de/admin.json') })
