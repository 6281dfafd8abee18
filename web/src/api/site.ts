/** Where this page lives, as the server has written it into the document. */
export interface Site {
  /** What stands before every path: empty, or /t/NAME for a tenant that shares the host. */
  base: string
  /** The cookie whose value a write repeats. It is there exactly while somebody is signed in here. */
  csrfCookie: string
  /** The tenant's colour, if it has one. */
  accent: string | undefined
  /** Whether this is a development server, which has a mailbox and an API to try. */
  dev: boolean
}

function read(root: HTMLElement): Site {
  const { base = '', csrfCookie = '', accent, dev } = root.dataset
  return { base, csrfCookie, accent: accent || undefined, dev: dev === 'yes' }
}

/** The site of this document. */
export const site: Site = read(document.documentElement)

/** Goes to a path below the tenant's base, with a new document. */
export function visit(path: string): void {
  location.assign(site.base + path)
}

/** The value of a cookie that scripts may read; undefined if there is none. */
export function cookie(name: string): string | undefined {
  for (const pair of document.cookie.split('; ')) {
    const [n, ...value] = pair.split('=')
    if (n === name) return value.join('=')
  }
  return undefined
}
