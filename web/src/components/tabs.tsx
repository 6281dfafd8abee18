import { Tabs as BaseTabs } from '@base-ui/react/tabs'
import type { ReactNode } from 'react'

/** Several views of one thing, one at a time. `tabs` is id, label and content of each. */
export function Tabs<T extends string>({ label, value, onChange, tabs }: {
  label: string
  value: T
  onChange: (value: T) => void
  tabs: readonly { id: T; label: ReactNode; content: ReactNode }[]
}) {
  return (
    <BaseTabs.Root value={value} onValueChange={(v: T) => onChange(v)}>
      <BaseTabs.List aria-label={label} className="relative mb-5 flex gap-1 overflow-x-auto border-b border-line">
        {tabs.map((tab) => (
          <BaseTabs.Tab
            key={tab.id}
            value={tab.id}
            className="-mb-px min-h-11 border-b-2 border-transparent px-3 font-medium whitespace-nowrap text-muted -outline-offset-2 hover:text-ink data-active:border-accent data-active:text-ink"
          >
            {tab.label}
          </BaseTabs.Tab>
        ))}
      </BaseTabs.List>
      {tabs.map((tab) => (
        <BaseTabs.Panel key={tab.id} value={tab.id}>
          {tab.content}
        </BaseTabs.Panel>
      ))}
    </BaseTabs.Root>
  )
}
