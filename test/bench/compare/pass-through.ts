/**
 * The floor of the comparison, a process of its own: hands each request to the tool server named by its argument and the answer back,
 * and looks at nothing. Prints its port as a line of JSON.
 */
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

const target = new URL(process.argv[2]!)
const agent = new Agent({ keepAlive: true })

const server = createServer((inbound, reply) => {
  const { method, headers } = inbound
  const outbound = request(target, { agent, method: method!, headers: { ...headers, host: target.host } }, (answer) => {
    reply.writeHead(answer.statusCode!, answer.headers)
    answer.pipe(reply)
  })
  outbound.once('error', () => reply.destroy())
  inbound.pipe(outbound)
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`),
)
process.once('disconnect', () => process.exit(0))
