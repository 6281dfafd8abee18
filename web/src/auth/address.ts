import { site } from '../api/site'

/** What the address of this page says. */
export const query: URLSearchParams = new URLSearchParams(location.search)

/** The path of this page below the tenant's base. */
export const path: string = location.pathname.slice(site.base.length) || '/'

/** Another page of this entry, which goes on with the same request. */
export function page(to: string): string {
  const kept = new URLSearchParams()
  for (const name of ['request', 'return_to']) {
    const value = query.get(name)
    if (value) kept.set(name, value)
  }
  return site.base + to + (kept.size > 0 ? `?${kept}` : '')
}

/**
 * Takes what stands behind # out of the address, where no server and no log sees it, and out of the history. It is
 * read once.
 */
export function takeFragment(): string {
  const taken = decodeURIComponent(location.hash.slice(1))
  if (taken) history.replaceState(null, '', location.pathname + location.search)
  return taken
}

/** Where to go when a flow is over. `to` was checked by the server: a path below the base. */
export function goOn(to: string | undefined): void {
  location.assign(site.base + (to?.startsWith('/') ? to : '/account'))
}
