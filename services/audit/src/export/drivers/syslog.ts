import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { connect as connectTls } from 'node:tls'
import type { ExportTarget } from '@countersign/contracts'
import type { Driver } from '../driver.ts'
import { syslogMessage } from '../format/syslog-message.ts'
import { readTls } from '../tls-files.ts'

type SyslogTarget = Extract<ExportTarget, { type: 'syslog' }>

/**
 * Sends RFC 5424 messages with octet counting, over TLS (RFC 5425) or, to this machine or where it is allowed, TCP (RFC 6587).
 *
 * Syslog has no acknowledgement. The nearest to one: a connection a batch, closed by us when all is written, and a receiver that
 * closes its side without an error has read to the end.
 */
export function syslog(target: SyslogTarget): Driver {
  const { format, maxBytes, byteOrderMark = false } = target
  const form = { format, maxBytes, byteOrderMark, hostname: hostname() }
  return {
    async send({ records }, signal) {
      const frames = records.flatMap((record) => {
        const message = syslogMessage(record, form)
        return [Buffer.from(`${message.length} `), message]
      })
      await deliver(open(target), Buffer.concat(frames), signal)
      return undefined
    },
    close() {},
  }
}

function open({ host, port, tls, transport }: SyslogTarget): Socket {
  if (transport === 'tcp') return connectTcp({ host, port, allowHalfOpen: true })
  return connectTls({
    host,
    port,
    // A name to check the certificate by; an address is none (RFC 6066).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    minVersion: 'TLSv1.2',
    ...readTls(tls),
  })
}

function deliver(socket: Socket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => socket.destroy(new Error('it did not read to the end in time'))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    let written = false
    socket.once('error', (cause) => {
      const { code } = cause as NodeJS.ErrnoException
      reject(new Error(`the syslog receiver cannot be reached: ${code ?? cause.message}`, { cause }))
    })
    socket.once('close', (failed) => {
      signal.removeEventListener('abort', onAbort)
      if (failed) return
      if (written) resolve()
      else reject(new Error('the syslog receiver closed the connection before it had everything'))
    })
    socket.end(bytes, () => (written = true))
    // What it answers is not read; without reading, its end would not be seen.
    socket.resume()
  })
}
