import { Monitor, Moon, Sun } from 'lucide-react'

import { Card, PageHeader } from '../../components/card'
import { Choice } from '../../components/choice'
import { common } from '../../texts/common'
import { chooseLanguage, languages, useLanguage, type Language } from '../../texts/language'
import { chooseAppearance, useAppearance, type Appearance } from '../../theme/appearance'
import { texts } from './texts'

/** How the pages look in this browser: language, light or dark. A choice holds at once. */
export function Component() {
  const [t, c, lang, look] = [texts.use(), common.use(), useLanguage(), useAppearance()]
  const looks: readonly [Appearance, typeof Sun][] = [['system', Monitor], ['light', Sun], ['dark', Moon]]
  return (
    <>
      <PageHeader title={t('preferences.title')} description={t('preferences.text')} />
      <div className="grid gap-6">
        <Card title={c('language')} description={t('preferences.language')}>
          <Choice
            label={c('language')}
            value={lang}
            onChange={(l: Language) => void chooseLanguage(l)}
            options={Object.entries(languages).map(([value, label]) => ({ value: value as Language, label: <span lang={value}>{label}</span> }))}
          />
        </Card>
        <Card title={c('appearance')} description={t('preferences.appearance')}>
          <Choice
            label={c('appearance')}
            value={look}
            onChange={chooseAppearance}
            options={looks.map(([value, Icon]) => ({ value, label: c(`appearance.${value}`), icon: <Icon size={19} aria-hidden /> }))}
          />
        </Card>
      </div>
    </>
  )
}
