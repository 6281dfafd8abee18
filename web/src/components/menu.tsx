import { Menu as BaseMenu } from '@base-ui/react/menu'
import { useState, type ComponentProps, type ReactElement, type ReactNode } from 'react'

import { classes } from './classes'

const item = 'flex w-full items-center gap-2.5 rounded-lg px-3 py-2 text-sm text-start outline-none select-none data-highlighted:bg-sunken data-disabled:opacity-50'

/** A list of things to do that opens at a button. */
export function Menu({ trigger, align = 'end', children }: { trigger: ReactElement; align?: 'start' | 'end'; children: ReactNode }) {
  // The list stays in the landmark of its button, for those who find their way by landmarks.
  const [landmark, setLandmark] = useState<HTMLElement | null>(null)
  return (
    <BaseMenu.Root>
      <span className="contents" ref={(here) => setLandmark(here?.closest<HTMLElement>('header, nav, main') ?? null)}>
        <BaseMenu.Trigger render={trigger} />
      </span>
      <BaseMenu.Portal container={landmark}>
        <BaseMenu.Positioner align={align} sideOffset={6} className="z-20 outline-none">
          <BaseMenu.Popup className="min-w-48 max-w-[calc(100vw-1.5rem)] rounded-card border border-line bg-surface p-1.5 shadow-popup outline-none transition-opacity duration-100 data-ending-style:opacity-0 data-starting-style:opacity-0">
            {children}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  )
}

/** One thing to do. */
export function MenuItem({ icon, danger, children, ...rest }: { icon?: ReactNode; danger?: boolean; children: ReactNode } & Omit<ComponentProps<typeof BaseMenu.Item>, 'className'>) {
  return (
    <BaseMenu.Item {...rest} className={classes(item, danger && 'text-danger')}>
      {icon}
      {children}
    </BaseMenu.Item>
  )
}

/** A choice of one of several. */
export function MenuChoice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: Readonly<Record<T, ReactNode>>; onChange: (value: T) => void }) {
  return (
    <BaseMenu.Group>
      <BaseMenu.GroupLabel className="px-3 pt-2 pb-1 text-xs font-medium text-muted">{label}</BaseMenu.GroupLabel>
      <BaseMenu.RadioGroup value={value} onValueChange={(v: T) => onChange(v)}>
        {(Object.entries(options) as [T, ReactNode][]).map(([v, text]) => (
          <BaseMenu.RadioItem key={v} value={v} className={classes(item, 'data-checked:font-semibold')}>
            <span className="grid size-4 place-items-center">
              <BaseMenu.RadioItemIndicator className="size-2 rounded-full bg-accent" />
            </span>
            {text}
          </BaseMenu.RadioItem>
        ))}
      </BaseMenu.RadioGroup>
    </BaseMenu.Group>
  )
}

/** A line between groups. */
export function MenuSeparator() {
  return <BaseMenu.Separator className="mx-2 my-1.5 h-px bg-line" />
}
