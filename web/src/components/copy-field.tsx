import { Check, Copy } from 'lucide-react'
import { useState } from 'react'

import { common } from '../texts/common'
import { IconButton } from './button'
import { Field, inputClasses, type FieldProps } from './field'

/** Shows a value that is to be copied, such as an identifier or a secret that is shown once. */
export function CopyField({ value, label, hint, labelHidden }: FieldProps & { value: string }) {
  const t = common.use()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(value)
    setCopied(true)
    setTimeout(() => setCopied(false), 2500)
  }
  return (
    <Field label={label} hint={hint} {...(labelHidden ? { labelHidden } : {})}>
      {(tied) => (
        <div className="flex gap-1">
          <input {...tied} readOnly value={value} onFocus={(e) => e.currentTarget.select()} className={inputClasses + ' font-mono text-sm'} />
          <IconButton label={copied ? t('copied') : t('copy')} onClick={() => void copy()} className="size-11">
            {copied ? <Check size={18} className="text-success" aria-hidden /> : <Copy size={18} aria-hidden />}
          </IconButton>
          <span role="status" className="sr-only">
            {copied ? t('copied') : ''}
          </span>
        </div>
      )}
    </Field>
  )
}
