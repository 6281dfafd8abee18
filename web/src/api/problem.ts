import type { components } from './schema'

type Document = components['schemas']['Problem']

/** What is wrong with one member of what was sent: the rule that it breaks, with its numbers, and a sentence in English. */
export type FieldProblem = Pick<NonNullable<Document['errors']>[number], 'rule' | 'params' | 'detail'>

/** Codes of refusals that never reached the server's rules. All others come from the server: api/errors.md. */
export type OwnCode = 'offline' | 'unreadable'

/**
 * A refusal. Pages decide by `code`, which is stable; `detail` is a sentence in English for codes that the
 * catalogues do not know.
 */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string
  /** What to name when asking for help. */
  readonly requestId: string | undefined
  /** Seconds to wait before trying again; undefined if waiting does not help. */
  readonly retryAfter: number | undefined
  /** The permission or scope that would have allowed the request. */
  readonly missing: string | undefined
  /** What is wrong with single members, by JSON pointer. Texts are in texts/rules.ts. */
  readonly fields: ReadonlyMap<string, FieldProblem>

  constructor(p: Partial<Document> & { code: string }, retryAfter?: number) {
    super(`${p.code}: ${p.detail ?? ''}`)
    this.name = 'Problem'
    this.status = p.status ?? 0
    this.code = p.code
    this.detail = p.detail ?? ''
    this.requestId = p.request_id
    this.retryAfter = retryAfter
    this.missing = p.missing
    this.fields = new Map((p.errors ?? []).toReversed().map((f) => [f.pointer, f])) // the first of a member counts
  }
}

/** Reads a refusal: a problem document (RFC 9457), or an error of OAuth (RFC 6749, section 5.2). */
export function problemFrom(response: Response, body: unknown): Problem {
  const wait = Number(response.headers.get('Retry-After') ?? NaN)
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : undefined
  const requestId = response.headers.get('X-Request-Id') ?? undefined
  const b = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  if (typeof b['code'] === 'string') {
    return new Problem({ request_id: requestId, ...b, status: response.status, code: b['code'] } as Document, retryAfter)
  }
  if (typeof b['error'] === 'string') {
    const detail = typeof b['error_description'] === 'string' ? b['error_description'] : ''
    return new Problem({ status: response.status, code: b['error'], detail, request_id: requestId } as Document, retryAfter)
  }
  return new Problem({ status: response.status, code: 'unreadable', request_id: requestId } as Document, retryAfter)
}
