import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { type SealedRecord, verbs } from '@countersign/contracts'
import { findGo, installPython, startTestBus, type TestBus, until } from '@countersign/testing'
import { auditFolder, callWriter, readAudit, startAudit, verifyFolder, whenIndexed } from './harness.ts'

const run = promisify(execFile)
const examples = join(import.meta.dirname, '../../../docs/examples/audit-consumer')
const go = await findGo()
const python = await installPython(join(examples, 'python/requirements.txt'))

/** How each example is started; building it is part of it. */
const languages = {
  typescript: {
    skip: false,
    command: () => Promise.resolve([process.execPath, join(examples, 'typescript/consumer.ts')]),
  },
  python: {
    skip: python === undefined && 'there is no Python 3 with pip',
    command: () => Promise.resolve(['python3', join(examples, 'python/consumer.py')]),
  },
  go: {
    skip: go === undefined && 'there is no Go',
    async command(folder: string) {
      const source = join(folder, 'source')
      await cp(join(examples, 'go'), source, { recursive: true })
      await run(go!, ['build', '-o', join(folder, 'consumer'), '.'], { cwd: source, timeout: 280_000 })
      return [join(folder, 'consumer')]
    },
  },
}

/** Starts an example as a process of its own, with a cursor and a state file that outlive it. */
async function consumerOf(t: TestContext, { server }: TestBus, command: (folder: string) => Promise<string[]>) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-consumer-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'password'), server.passwords['audit-reader'], { mode: 0o600 })
  const [program, ...args] = await command(folder)
  return (more: Record<string, string> = {}) => {
    const child = spawn(program!, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        ...(python === undefined ? {} : { PYTHONPATH: python }),
        NATS_URL: server.url,
        NATS_PASSWORD_FILE: join(folder, 'password'),
        CONSUMER: 'example',
        STATE_FILE: join(folder, 'state.json'),
        ...more,
      },
    })
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
    const stop = (signal: NodeJS.Signals) => {
      child.kill(signal)
      return exited
    }
    t.after(async () => void (await stop('SIGKILL')))
    return {
      stop,
      errors: () => errors,
      /** Indexes it has told, in its order. */
      indexes: () => (output.match(/(?<="audit\.default\.)\d+(?=")/g) ?? []).map(Number),
      async untilTold(count: number) {
        const { indexes } = this
        await until(() => {
          if (child.exitCode !== null) throw new Error(`the consumer ended with ${child.exitCode}: ${errors}`)
          return indexes().length >= count
        }, `${count} records are told: ${errors}`)
      },
    }
  }
}

/** Room for the small records of the test, and not for its large ones. */
const auditMaxBytes = 400_000

const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, place) => from + place)

// At once: most of their time they wait for what was not acknowledged.
suite('consumers', { concurrency: true }, () => {
  for (const [language, { skip, command }] of Object.entries(languages)) {
    test(
      `R25: the consumer in ${language} goes on where it was killed, drops what comes twice and tells what is missing`,
      { skip, timeout: 300_000 },
      async (t) => {
        const bus = await startTestBus(t, { auditMaxBytes })
        const folder = await auditFolder(t)
        const audit = await startAudit(t, bus, folder)
        const { request } = await callWriter(bus)
        const start = await consumerOf(t, bus, command)
        const write = async (count: number, text = '') => {
          for (let each = 0; each < count; each++) await request({}, { text })
        }

        const first = start()
        await write(20)
        await first.untilTold(20)
        const more = write(60)
        await first.untilTold(25)
        await first.stop('SIGKILL')
        const told = first.indexes()
        await more

        const second = start()
        // What it did before it died and had not written down, it does again.
        await second.untilTold(80 - told.length)
        await until(() => second.indexes().at(-1) === 79, 'the last record is told')
        const all = [...told, ...second.indexes()]
        assert.deepEqual([...new Set(all)], upTo(0, 80))
        assert.ok(all.length <= 81, `${all.length} told`)
        assert.equal(second.errors(), '')

        assert.equal(await second.stop('SIGTERM'), 0)

        // A cursor that was lost begins anew, and all that comes again is dropped.
        const anew = start({ CONSUMER: 'anew' })
        await write(1)
        await anew.untilTold(1)
        assert.deepEqual(anew.indexes(), [80])
        assert.equal(await anew.stop('SIGTERM'), 0)

        // While nobody reads, the stream is filled, and forgets its oldest.
        const size = 81 + 30
        await write(30, 'x'.repeat(auditMaxBytes / 20))
        const [reader, console] = await Promise.all([bus.connect('auditor'), bus.connect('console')])
        await until(async () => (await reader.streamInfo('AUDIT')).lastSeq === size, 'all is published')
        const [{ index: oldest }] = (await readAudit(reader)) as [SealedRecord]
        assert.ok(oldest > 81 && oldest < size - 2, `the stream begins with record ${oldest}`)
        const third = start({ CONSUMER: 'anew' })
        await third.untilTold(size - oldest)
        assert.deepEqual(third.indexes(), upTo(oldest, size))
        assert.match(
          third.errors(),
          new RegExp(`^gap: default 81-${oldest - 1} are not in the stream; read them from the log\n$`),
        )
        assert.equal(await third.stop('SIGTERM'), 0)

        // The log has what the stream forgot, whether it is asked for or read.
        const { records } = await whenIndexed(() =>
          console.callApi(verbs.audit.records, {
            tenant: 'default',
            before: oldest,
            limit: oldest - 81,
          }),
        )
        assert.deepEqual(records.map(({ index }) => index).toReversed(), upTo(81, oldest))
        assert.equal(await audit.stop('SIGTERM'), 0)
        assert.deepEqual(await verifyFolder(folder.dir), { records: size, problems: [] })

        // Audit publishes nothing of that again when it starts, and the reader misses nothing from here on.
        await startAudit(t, bus, folder)
        await write(1)
        const fourth = start({ CONSUMER: 'anew' })
        await fourth.untilTold(1)
        assert.deepEqual([fourth.indexes(), fourth.errors()], [[size], ''])
        await fourth.stop('SIGKILL')

        // Another cursor begins where it wants to: at the sequence of the last record but one.
        const replay = start({ CONSUMER: 'replay', STATE_FILE: 'replay.json', START: String(size) })
        await replay.untilTold(2)
        assert.deepEqual(replay.indexes(), [size - 1, size])
      },
    )
  }
})
