import { Languages, MonitorSmartphone, Moon, Sun } from 'lucide-react'

import { chooseAppearance, useAppearance, type Appearance } from '../theme/appearance'
import { common } from '../texts/common'
import { chooseLanguage, languages, useLanguage, type Language } from '../texts/language'

const select = 'appearance-none rounded-control bg-transparent py-2 ps-8 pe-2 text-sm text-muted hover:text-ink cursor-pointer'
const icons = { system: MonitorSmartphone, light: Sun, dark: Moon }

/** Language and appearance, as two small lists of the browser's own: they cost nothing and work everywhere. */
export function Preferences() {
  const t = common.use()
  const [lang, look] = [useLanguage(), useAppearance()]
  const Look = icons[look]
  return (
    <div className="flex flex-wrap justify-center gap-1">
      <label className="relative inline-flex items-center">
        <Languages size={16} className="pointer-events-none absolute start-2 text-muted" aria-hidden />
        <span className="sr-only">{t('language')}</span>
        <select className={select} value={lang} onChange={(e) => void chooseLanguage(e.target.value as Language)}>
          {Object.entries(languages).map(([l, name]) => (
            <option key={l} value={l} lang={l}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label className="relative inline-flex items-center">
        <Look size={16} className="pointer-events-none absolute start-2 text-muted" aria-hidden />
        <span className="sr-only">{t('appearance')}</span>
        <select className={select} value={look} onChange={(e) => chooseAppearance(e.target.value as Appearance)}>
          {(['system', 'light', 'dark'] as const).map((a) => (
            <option key={a} value={a}>
              {t(`appearance.${a}`)}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}
