import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ExportTarget } from '@countersign/contracts'
import type { Driver } from '../driver.ts'
import { webhookBody } from '../format/webhook-body.ts'
import { HttpPost } from '../http-post.ts'

type WebhookTarget = Extract<ExportTarget, { type: 'webhook' }>

/** Posts records, signed as Standard Webhooks 1.0 says. @param now milliseconds since the epoch */
export function webhook(target: WebhookTarget, now: () => number): Driver {
  const post = new HttpPost(target)
  return {
    async send({ id: batchId, records }, signal) {
      const id = `msg_${batchId}`
      const timestamp = String(Math.floor(now() / 1000))
      const { body, contentType } = webhookBody(target, records)
      const keys = await readKeys(target.secretFile)
      const headers = {
        'content-type': contentType,
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': keys.map((key) => `v1,${signatureOf(key, id, timestamp, body)}`).join(' '),
      }
      await post.send(body, headers, signal)
      return undefined
    },
    close: () => post.close(),
  }
}

function signatureOf(key: Buffer, id: string, timestamp: string, body: Buffer): string {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
}

/** Several while they are rotated: the receiver needs to know one. */
async function readKeys(file: string): Promise<Buffer[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim())
  const keys = lines.filter((line) => line !== '').map((line) => Buffer.from(line.replace(/^whsec_/, ''), 'base64'))
  if (keys.length > 0 && keys.every(({ length }) => length >= 24 && length <= 64)) return keys
  throw new Error(
    `${file} must have one key a line, whsec_ and 24 to 64 bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"`,
  )
}
