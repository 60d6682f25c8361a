import { createServer } from 'node:net'

/**
 * Below the ports that systems give away by themselves, to outgoing connections and to who listens on port 0 (Linux from 32768, macOS and
 * Windows from 49152): one of those may be gone again before the program that it was chosen for listens there.
 */
const range = { from: 10_000, to: 30_000 }
const attempts = 100
const given = new Set<number>()

/** Whether nobody listens on a port of this machine: takes it for a moment. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => resolve(true))
  const free = await promise
  if (free) await new Promise((done) => server.close(done))
  return free
}

/**
 * A port that nobody listens on, for a program that has to be told one. It stays free until somebody asks for just this one; within a process
 * none is given twice.
 *
 * @throws Error when none is found
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = range.from + Math.floor(Math.random() * (range.to - range.from))
    if (given.has(port)) continue
    // Before it is looked at: nobody else is to look at the same one.
    given.add(port)
    if (await isPortFree(port)) return port
  }
  throw new Error(`no free port found between ${range.from} and ${range.to}; is something listening on most of them?`)
}
