import { useState } from 'react'

import { Problem } from '../api/problem'
import { takeFragment } from './address'
import { FlowPage, Refused } from './flow-page'
import { texts } from './texts'

/** Makes the first administrator, for whoever has the link that the server has written. */
export function SetUpPage() {
  const t = texts.use()
  const [token] = useState(takeFragment)
  if (!token) return <Refused problem={new Problem({ code: 'set_up_link_missing' })} />
  return <FlowPage kind="set_up" known={{ token }} look={() => ({ title: t('set_up.title'), lead: t('set_up.lead') })} />
}
