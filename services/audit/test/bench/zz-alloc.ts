import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPersonal } from '../../src/erasure/open-personal.ts'
import { makeRecord } from '../../src/record/make-record.ts'
import { calls } from '../../src/record/record-source.ts'
import { readSealed } from '../../src/record/encrypt/read-sealed.ts'
import { isIndexed, rowOf } from '../../src/index/row-of.ts'
import { sealedText } from '../../src/log/sealed-text.ts'
import { storedMessages } from './messages.ts'
const root = mkdtempSync(join(tmpdir(), 'zz-'))
writeFileSync(join(root, 'kek'), randomBytes(32).toString('base64'))
const personal = (await openPersonal({ keysDir: join(root, 'keys'), kekFile: join(root, 'kek') }, {}))!
const created = '2026-11-22T09:00:00.123456789Z'
const messages = storedMessages(1, 20_000)
const { encryptor } = personal
const session = new Session(); session.connect()
const tops = (head: any) => { const out: Record<string, number> = {}; let tot = 0; const walk = (n: any) => { const k = `${n.callFrame.functionName} ${n.callFrame.url.split('/').slice(-2).join('/')}:${n.callFrame.lineNumber}`; out[k] = (out[k] ?? 0) + n.selfSize; tot += n.selfSize; n.children.forEach(walk) }; walk(head); return [tot, Object.entries(out).sort((a, b) => b[1] - a[1]).slice(0, 25).map(([k, v]) => `${(100 * v / tot).toFixed(1)} % ${k}`)] as const }
const measure = async (name: string, work: () => void) => {
  work()
  const b = process.cpuUsage(); work(); const c = process.cpuUsage(b)
  await session.post('HeapProfiler.startSampling', { samplingInterval: 4096, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true } as never)
  work()
  const { profile } = await session.post('HeapProfiler.stopSampling') as any
  const [tot, lines] = tops(profile.head)
  console.log(name, 'us/record', (c.user / 20_000).toFixed(1), 'bytes/record', Math.round(tot / 20_000)); console.log(lines.join('\n'))
}
let texts: string[] = []
await measure('make', () => { texts = messages.map((m) => makeRecord(calls, m, { created, previous: m.seq - 1 }, { encryptor }).text) })
const sealed = texts.map((t, i) => sealedText(i, Buffer.alloc(32), t))
await measure('read+row', () => { for (const t of sealed) rowOf(readSealed(t, personal.keys, isIndexed), { index: 1, offset: 1, bytes: 1 }) })
personal.database.close(); rmSync(root, { recursive: true })
