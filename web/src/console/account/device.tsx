import { Globe, Monitor, Smartphone } from 'lucide-react'

import { texts } from './texts'

/** A browser as the server names it, "Firefox on Linux", in the language of the page. */
export function useDeviceName(): (device: string | undefined) => string {
  const t = texts.use()
  return (device) => {
    const [, browser, system] = /^(.+) on (.+)$/.exec(device ?? '') ?? []
    if (browser && system) return t('device.on', { browser, system })
    return device || t('device.unknown')
  }
}

/** What such a browser runs on, as a picture. */
export function DeviceIcon({ device, size = 20 }: { device: string | undefined; size?: number }) {
  const Icon = !device ? Globe : /Android|iOS|iPhone|iPad|Mobile/.test(device) ? Smartphone : Monitor
  return <Icon size={size} aria-hidden />
}
