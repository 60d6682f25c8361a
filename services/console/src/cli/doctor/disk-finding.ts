import { statfs } from 'node:fs/promises'
import type { Finding } from './finding.ts'

const tightBytes = 1024 ** 3
const fullBytes = 64 * 1024 ** 2

/** How much space the disk of a local Countersign has left: nats-server and audit store on it. */
export async function diskFinding(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder)
  return judgeSpace(folder, bavail * bsize)
}

/** @param bytes that are left */
export function judgeSpace(folder: string, bytes: number): Finding {
  const name = 'disk'
  const left = `${(bytes / 1024 ** 2).toFixed(0)} MiB left where ${folder} is`
  if (bytes >= tightBytes) return { name, verdict: 'good', message: left }
  if (bytes >= fullBytes)
    return {
      name,
      verdict: 'warn',
      message: `${left}, and nothing is stored any more when it is full, so all calls are refused then`,
      remedy: 'make room, or move the folder to a larger disk',
    }
  return {
    name,
    verdict: 'bad',
    message: `${left}, so events and records may not be stored and calls are refused`,
    remedy: 'make room: audit goes on by itself, and the launcher starts nats-server again when it needs that',
  }
}
