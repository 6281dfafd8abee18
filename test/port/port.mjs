// What port.go does, for tests that Node runs: each process takes a block of ports below those that the kernel
// gives away by itself, which is its own while it holds the first of them open, and gives out the others once each.
import { createServer } from 'node:net'

const lowest = 10240
const above = 32768
const size = 64 // of a block

let next = 0
let end = 0

/** A port of loopback at which nobody listens, and that nobody is given but this caller. */
export async function freePort() {
  for (;;) {
    while (next < end) {
      const port = next++
      const server = await listen(port)
      if (server) {
        await new Promise((done) => server.close(done))
        return port
      }
    }
    await take()
  }
}

async function take() {
  for (let first = lowest; first + size <= above; first += size) {
    const server = await listen(first)
    if (server) {
      server.unref() // it is held until the process ends, and does not keep it from that
      next = first + 1
      end = first + size
      return
    }
  }
  throw new Error('no block of ports is free')
}

/** Listens at a port, or is undefined where somebody else does. */
function listen(port) {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(undefined))
    server.listen(port, '127.0.0.1', () => done(server))
  })
}
