import { ChevronDown, LogOut } from 'lucide-react'

import { Button } from '../components/button'
import { Menu, MenuChoice, MenuItem, MenuSeparator } from '../components/menu'
import { signOut, type Person } from '../session/session'
import { common } from '../texts/common'
import { chooseLanguage, languages, useLanguage, type Language } from '../texts/language'
import { chooseAppearance, useAppearance } from '../theme/appearance'
import { texts } from './texts'

/** Who is signed in, how the pages look, and the way out. */
export function UserMenu({ user }: { user: Person }) {
  const [t, c, lang, look] = [texts.use(), common.use(), useLanguage(), useAppearance()]
  const who = user.name || user.email || user.id
  return (
    <Menu
      trigger={
        <Button look="quiet" size="small" aria-label={t('signed_in_as', { who })}>
          <span aria-hidden className="grid size-7 place-items-center rounded-full bg-accent text-sm font-semibold text-on-accent">
            {[...who][0]?.toUpperCase()}
          </span>
          <bdi className="max-w-40 truncate font-medium max-sm:sr-only">{who}</bdi>
          <ChevronDown size={15} aria-hidden className="text-muted" />
        </Button>
      }
    >
      <p className="user-text max-w-64 px-3 pt-1 pb-2 text-sm text-muted">{user.email ?? who}</p>
      <MenuSeparator />
      <MenuChoice label={c('language')} value={lang} options={languages} onChange={(l: Language) => void chooseLanguage(l)} />
      <MenuChoice
        label={c('appearance')}
        value={look}
        options={{ system: c('appearance.system'), light: c('appearance.light'), dark: c('appearance.dark') }}
        onChange={chooseAppearance}
      />
      <MenuSeparator />
      <MenuItem icon={<LogOut size={17} aria-hidden />} onClick={() => void signOut()}>
        {t('sign_out')}
      </MenuItem>
    </Menu>
  )
}
