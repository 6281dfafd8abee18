import { Eye, EyeOff } from 'lucide-react'
import { useState, type ComponentProps } from 'react'

import { common } from '../texts/common'
import { classes } from './classes'
import { Field, inputClasses, type FieldProps } from './field'

/** A field for a password that can be shown. Pasting is welcome, and a password manager finds it. */
export function PasswordField({ label, hint, error, aside, className, ...rest }: FieldProps & Omit<ComponentProps<'input'>, 'type'>) {
  const t = common.use()
  const [shown, setShown] = useState(false)
  const name = shown ? t('hide_password') : t('show_password')
  return (
    <Field label={label} hint={hint} error={error} aside={aside}>
      {(tied) => (
        <div className="relative">
          <input
            autoCapitalize="none"
            autoCorrect="off"
            spellCheck={false}
            {...rest}
            {...tied}
            type={shown ? 'text' : 'password'}
            className={classes(inputClasses, 'pe-12', className)}
          />
          <button
            type="button"
            aria-label={name}
            title={name}
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
            className="absolute inset-y-0 end-0 grid w-11 place-items-center rounded-control text-muted hover:text-ink"
          >
            {shown ? <EyeOff size={18} aria-hidden /> : <Eye size={18} aria-hidden />}
          </button>
        </div>
      )}
    </Field>
  )
}
