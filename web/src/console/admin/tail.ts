import { accessToken, api, type Schema } from '../../api/client'
import { problemFrom } from '../../api/problem'

/** Reads events out of a stream of server-sent events; other lines are signs of life. */
export async function* eventsIn(stream: ReadableStream<Uint8Array>): AsyncGenerator<Schema<'Event'>> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = block.split('\n').filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trimStart()).join('\n')
        if (!data) continue
        const event = JSON.parse(data) as Schema<'Event'> | { code: string }
        if ('kind' in event) yield event
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/**
 * Follows the audit log until `signal` says stop. The server closes a connection every minute and looks at the
 * credential anew; this comes back with the number of the last event, so nothing is missed or seen twice. A refusal
 * ends it with a Problem; a lost connection is tried again after a moment.
 */
export async function follow(signal: AbortSignal, seen: (event: Schema<'Event'>) => void): Promise<void> {
  let after: number | undefined
  while (!signal.aborted) {
    try {
      const { data, error, response } = await api.GET('/api/audit/tail', { params: { query: after === undefined ? {} : { after } }, parseAs: 'stream', signal })
      if (!response.ok) throw problemFrom(response, error)
      for await (const event of eventsIn(data as unknown as ReadableStream<Uint8Array>)) {
        after = event.seq ?? after
        seen(event)
      }
    } catch (cause) {
      if (signal.aborted) return
      if (cause instanceof Error && cause.name === 'Problem' && 'status' in cause && cause.status !== 0) throw cause
      accessToken.drop()
    }
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}
