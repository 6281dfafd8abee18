import { catalogue } from '../texts/catalogue'
import en from '../texts/en/console.json'

/** Texts of the frame around the consoles. Each console has a catalogue of its own beside it. */
export const texts = catalogue(en, { de: () => import('../texts/de/console.json') })
