import { useState } from 'react'

import type { Schema } from '../../api/client'
import { Card } from '../../components/card'
import { CodeBlock } from '../../components/code-block'
import { Tabs } from '../../components/tabs'
import { snippetsFor, type Snippet } from './snippets'
import { texts } from './texts'

/** Programs to start from, one tab for each language. */
export function Snippets({ client }: { client: Schema<'Client'> }) {
  const t = texts.use()
  const [shown, setShown] = useState<Snippet['id']>(client.type === 'spa' ? 'node' : 'go')
  return (
    <Card title={t('app.snippets')} description={t('app.snippets.text')}>
      <Tabs label={t('app.snippets')} value={shown} onChange={setShown} tabs={snippetsFor(client).map((s) => ({ id: s.id, label: s.label, content: <CodeBlock label={s.label}>{s.code}</CodeBlock> }))} />
    </Card>
  )
}
