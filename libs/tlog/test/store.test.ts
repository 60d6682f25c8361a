import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findVersitygw, startS3 } from '@countersign/testing'
import { S3Store } from '../src/store/s3-store.ts'
import { Fenced } from '../src/store/store.ts'
import { testStores } from './drivers.ts'

const bytes = (text: string) => Buffer.from(text)

testStores('files are read back, replaced, and missing ones are not there', async (_t, open) => {
  const store = open()
  assert.equal(await store.read('a/none'), undefined)
  assert.equal(await store.readVersion('none'), undefined)
  const large = Buffer.alloc(5 * 1024 * 1024, 'x')
  await store.write([
    { path: 'a/tile/0/x001/000.p/7', bytes: bytes('one') },
    { path: 'a/tile/0/x001/000', bytes: large },
    { path: 'empty', bytes: Buffer.alloc(0) },
  ])
  const other = open()
  assert.deepEqual(await other.read('a/tile/0/x001/000.p/7'), bytes('one'))
  assert.ok((await other.read('a/tile/0/x001/000'))?.equals(large))
  assert.deepEqual(await other.read('empty'), Buffer.alloc(0))
  const part = async (path: string, offset: number, length: number) =>
    (await other.readPart(path, offset, length))?.toString()
  const partial = 'a/tile/0/x001/000.p/7'
  assert.deepEqual([await part(partial, 0, 2), await part(partial, 1, 99), await part(partial, 9, 2)], ['on', 'ne', ''])
  assert.deepEqual([await part('a/none', 0, 2), await part('empty', 0, 2)], [undefined, ''])
  await store.write([{ path: 'empty', bytes: bytes('two') }])
  assert.deepEqual(await other.read('empty'), bytes('two'))
})

testStores('folders are listed with what is directly in them, however much that is', async (_t, open) => {
  const store = open()
  assert.deepEqual(await store.list('kept'), [])
  const names = Array.from({ length: 1100 }, (_, index) => String(index).padStart(15, '0'))
  await store.write(names.map((name) => ({ path: `kept/${name}`, bytes: bytes(name) })))
  await store.write([{ path: 'kept/deeper/file', bytes: bytes('x') }])
  assert.deepEqual(await store.list('kept'), [...names, 'deeper/'].toSorted())
  assert.deepEqual(await store.list(''), ['kept/'])
  await store.removeFolder('kept/deeper')
  assert.deepEqual(await store.list('kept'), names)
  await store.removeFolder('kept/none')
})

testStores('a file is swapped by who saw it last, and by nobody else', async (_t, open) => {
  const [mine, yours] = [open(), open()]
  let version = await mine.swap('head', bytes('1'), undefined)
  await assert.rejects(yours.swap('head', bytes('other'), undefined), Fenced)
  version = await mine.swap('head', bytes('2'), version)
  const seen = await yours.readVersion('head')
  assert.deepEqual(seen, { bytes: bytes('2'), version })
  await yours.swap('head', bytes('3'), seen.version)
  await assert.rejects(mine.swap('head', bytes('4'), version), /changed by .*one writer/)
  assert.deepEqual(await mine.read('head'), bytes('3'))
})

testStores('of many who swap at once, one wins each round', async (_t, open) => {
  const stores = Array.from({ length: 4 }, () => open())
  // A folder has its lock for this; without it only one process may try.
  if (stores[0]!.place.startsWith('http')) {
    for (let round = 0; round < 5; round++) {
      const seen = await stores[0]!.readVersion('head')
      const tries = stores.map((store, place) => store.swap('head', bytes(`${round} by ${place}`), seen?.version))
      const won = (await Promise.allSettled(tries)).map(({ status }) => status === 'fulfilled')
      assert.equal(won.filter(Boolean).length, 1)
      const by = won.indexOf(true)
      assert.deepEqual(await stores[0]!.read('head'), bytes(`${round} by ${by}`))
    }
    return
  }
  await stores[0]!.claim()
  for (const store of stores.slice(1)) await assert.rejects(store.claim(), Fenced)
  await stores[0]!.close()
  await stores[1]!.claim()
  await stores[1]!.close()
})

const s3 = await findVersitygw()
test(
  'S3: checkpoints are text for who reads them over HTTP, all else is bytes',
  { skip: 'none' in s3 && s3.none },
  async (t) => {
    if ('none' in s3) return
    let answered: string | null = null
    const send = async (request: Request) => {
      const response = await fetch(request)
      answered = response.headers.get('content-type')
      return response
    }
    const store = new S3Store({ ...(await startS3(t, s3.path)), prefix: 'audit/', send })
    const typeOf = async (path: string) => {
      await store.read(path)
      return answered
    }
    await store.swap('t/checkpoint', bytes('1'), undefined)
    await store.swap('t/journal', bytes('1'), undefined)
    const texts = ['t/witnessed-checkpoint', 't/checkpoints/000000000000004', 'checkpoint']
    const others = ['t/tile/0/000', 't/tile/entries/000.p/4', 't/verifier-keys', 't/content/ab/checkpoint-of-nothing']
    await store.write([...texts, ...others].map((path) => ({ path, bytes: bytes('x') })))
    for (const path of ['t/checkpoint', ...texts]) assert.equal(await typeOf(path), 'text/plain; charset=utf-8', path)
    for (const path of ['t/journal', ...others]) assert.equal(await typeOf(path), 'application/octet-stream', path)
  },
)

test('S3: an answer that breaks off is asked for again', { skip: 'none' in s3 && s3.none }, async (t) => {
  if ('none' in s3) return
  let answers = 0
  const send = async (request: Request) => {
    const response = await fetch(request)
    if (request.method !== 'GET' || ++answers > 1) return response
    const body = new ReadableStream({ start: (stream) => stream.error(new TypeError('terminated')) })
    return new Response(body, { status: response.status, headers: response.headers })
  }
  const store = new S3Store({ ...(await startS3(t, s3.path)), send, retryDelaysMs: [1] })
  await store.write([{ path: 'file', bytes: bytes('whole') }])
  assert.deepEqual([String(await store.read('file')), answers], ['whole', 2])
})

test(
  'S3: a writer is not fenced off by its own earlier try, which is still being stored when the next one is refused',
  { skip: 'none' in s3 && s3.none },
  async (t) => {
    if ('none' in s3) return
    const late: Request[] = []
    const send = async (request: Request) => {
      if (request.headers.has('if-match')) {
        if (late.push(request) === 1) throw new TypeError('the connection broke')
        return new Response('<Code>PreconditionFailed</Code>', { status: 412 })
      }
      const response = await fetch(request)
      // The one that was asked for first is stored after the writer looked for it the first time.
      if (request.method === 'GET' && late.length === 2) await fetch(late.shift()!)
      return response
    }
    const store = new S3Store({ ...(await startS3(t, s3.path)), send, retryDelaysMs: [1, 1] })
    const version = await store.swap('head', bytes('1'), undefined)
    const next = await store.swap('head', bytes('2'), version)
    assert.deepEqual(await store.readVersion('head'), { bytes: bytes('2'), version: next })
  },
)
