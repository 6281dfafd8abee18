import { Check, Copy } from 'lucide-react'
import { useState } from 'react'

import { common } from '../texts/common'
import { IconButton } from './button'

/** Text of a program or a machine, to be read and copied. It scrolls sideways, by keyboard too. */
export function CodeBlock({ label, children }: { label: string; children: string }) {
  const t = common.use()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(children)
    setCopied(true)
    setTimeout(() => setCopied(false), 2500)
  }
  return (
    <div className="relative min-w-0 rounded-control border border-line bg-sunken">
      <pre tabIndex={0} role="region" aria-label={label} className="max-h-112 overflow-auto p-4 pe-14 font-mono text-[0.8125rem] leading-relaxed">
        <code dir="ltr">{children}</code>
      </pre>
      <IconButton label={copied ? t('copied') : t('copy')} onClick={() => void copy()} className="absolute end-1.5 top-1.5 bg-sunken">
        {copied ? <Check size={18} className="text-success" aria-hidden /> : <Copy size={18} aria-hidden />}
      </IconButton>
      <span role="status" className="sr-only">
        {copied ? t('copied') : ''}
      </span>
    </div>
  )
}
