import { useState } from 'react'

import { Problem } from '../api/problem'
import type { Kind } from '../flow/flow'
import { page, takeFragment } from './address'
import { FlowPage, Refused } from './flow-page'
import { InvitationPage } from './invitation-page'
import { texts } from './texts'

const kinds = ['sign_up', 'recover', 'verify_email', 'unlock'] as const

/**
 * The page behind every mailed link. What kind of link it is and its token stand in the fragment: kind.token. It
 * shows a button and uses nothing up by being opened, so that a mail scanner does no harm.
 */
export function LinkPage() {
  const t = texts.use()
  const [fragment] = useState(takeFragment)
  const dot = fragment.indexOf('.')
  const [name, token] = [fragment.slice(0, dot), fragment.slice(dot + 1)]
  if (name === 'invitation' || !fragment) return <InvitationPage token={token} />
  const kind = kinds.find((k) => k === name) as (Kind & (typeof kinds)[number]) | undefined
  if (!kind || !token) return <Refused problem={new Problem({ code: 'link_incomplete' })} />
  const again = { sign_up: '/sign-up', recover: '/recover', verify_email: '/sign-in', unlock: '/sign-in' }[kind]
  return <FlowPage kind={kind} known={{ token }} look={() => ({ title: t(`link.${kind}.title`), lead: t(`link.${kind}.lead`), action: t(`link.${kind}.action`), again: page(again) })} />
}
