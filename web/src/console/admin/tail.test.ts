import { expect, it } from 'vitest'

import { eventsIn } from './tail'

it('reads events however the stream is cut, and passes over signs of life', async () => {
  const text = 'retry: 1000\n\n: \n\nid: 7\ndata: {"id":"a","kind":"user.created"}\n\n: \n\nid: 8\ndata: {"id":"b","kind":"ü.made"}\n\ndata: {"code":"token_expired"}\n\n'
  const bytes = new TextEncoder().encode(text)
  for (const size of [1, 7, 1000]) {
    const stream = new ReadableStream<Uint8Array>({
      start(c) {
        for (let i = 0; i < bytes.length; i += size) c.enqueue(bytes.slice(i, i + size))
        c.close()
      },
    })
    const kinds: string[] = []
    for await (const e of eventsIn(stream)) kinds.push(e.kind)
    expect(kinds).toEqual(['user.created', 'ü.made'])
  }
})
