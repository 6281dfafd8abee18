import { catalogue } from '../texts/catalogue'
import en from '../texts/en/editor.json'

/** Texts of the editor and of differences. They come with the pages that have one. */
export const texts = catalogue(en, { de: () => import('../texts/de/editor.json') })
