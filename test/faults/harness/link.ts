import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A cable between two programs: a port that passes everything on to another. While it is cut nothing arrives and nobody is told, as when
 * a network fails; what was sent meanwhile arrives when it is healed, if both ends still wait for it.
 */
export class Link {
  readonly port: number
  readonly #to: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Connections made while the cable was cut. */
  readonly #unanswered = new Set<Socket>()
  #cut = false

  constructor(port: number, to: number) {
    this.port = port
    this.#to = to
    this.#server = createServer({ pauseOnConnect: true }, (socket) => {
      this.#keep(socket)
      if (this.#cut) this.#unanswered.add(socket)
      else this.#pass(socket)
    })
  }

  async open(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.pause()
  }

  heal(): void {
    this.#cut = false
    for (const socket of this.#sockets) socket.resume()
    for (const socket of this.#unanswered) this.#pass(socket)
    this.#unanswered.clear()
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #pass(near: Socket): void {
    const far = connect(this.#to, '127.0.0.1')
    this.#keep(far)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true)
      from.on('data', (data) => void to.write(data))
      from.once('close', () => to.destroy())
    }
    near.resume()
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#unanswered.delete(socket)
    })
  }
}
