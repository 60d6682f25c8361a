import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DesiredReader } from './desired.ts'

const document = (name: string, program = 'serve') =>
  JSON.stringify({
    apiVersion: 'mcp.x-k8s.io/v1beta1',
    kind: 'MCPServer',
    metadata: { name },
    spec: { source: { type: 'Command', command: { run: [program] } } },
  })

function folder(t: { after: (fn: () => void) => void }) {
  const dir = mkdtempSync(join(tmpdir(), 'servers-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return {
    dir,
    write: (file: string, text: string) => writeFileSync(join(dir, file), text),
    reader: new DesiredReader(dir),
  }
}

const programOf = (
  wish: Awaited<ReturnType<DesiredReader['look']>>['servers'] extends Map<string, infer W> ? W | undefined : never,
) =>
  wish?.kind === 'run' && wish.server.document.spec.source.type === 'Command'
    ? wish.server.document.spec.source.command.run[0]
    : undefined

test('a file is read once it stays the same, and gone once it stays away', async (t) => {
  const { dir, write, reader } = folder(t)
  write('a.yaml', document('one'))
  assert.deepEqual([...(await reader.look()).servers.keys()], ['one'], 'what is there at the start is read at once')
  const half = document('two').slice(0, 40)
  write('b.yaml', half)
  assert.deepEqual((await reader.look()).problems, [])
  appendFileSync(join(dir, 'b.yaml'), document('two').slice(40))
  const between = await reader.look()
  assert.deepEqual([between.problems, between.servers.has('two'), between.complete], [[], false, false])
  const settled = await reader.look()
  assert.deepEqual([settled.servers.has('two'), settled.complete], [true, true])
  // Some programs save by moving the file away and writing it again.
  renameSync(join(dir, 'a.yaml'), join(dir, 'a.bak'))
  assert.ok((await reader.look()).servers.has('one'))
  write('a.yaml', document('one'))
  await reader.look()
  assert.ok((await reader.look()).servers.has('one'))
  rmSync(join(dir, 'a.yaml'))
  await reader.look()
  assert.ok(!(await reader.look()).servers.has('one'))
})

test('R33: what is no file that can be read is refused with its reason, and the others go on', async (t) => {
  const { dir, write, reader } = folder(t)
  write('one.yaml', document('one'))
  mkdirSync(join(dir, 'folder.yaml'))
  symlinkSync(join(dir, 'nothing'), join(dir, 'link.yaml'))
  execFileSync('mkfifo', [join(dir, 'pipe.yaml')])
  const { servers, problems } = await reader.look()
  assert.deepEqual([...servers.keys()], ['one'])
  assert.deepEqual(
    problems.map(({ file, message }) => `${file}: ${message.split(',')[0]}`),
    [
      'folder.yaml: the file cannot be read: it is a folder (EISDIR)',
      'link.yaml: the file cannot be read: it is not there',
      'pipe.yaml: the file cannot be read: it is not a file',
    ],
  )
  rmSync(join(dir, 'link.yaml'))
  writeFileSync(join(dir, 'link.yaml'), document('two'))
  await reader.look()
  assert.ok((await reader.look()).servers.has('two'))
})

test('R33: a file that may be read again is read, and so is one whose time was set back', async (t) => {
  const { dir, write, reader } = folder(t)
  // Nothing is kept from root.
  const user = process.getuid!()
  if (user === 0) chmodSync(dir, 0o755)
  const look = async () => {
    if (user === 0) process.seteuid!(65534)
    try {
      await reader.look()
      return await reader.look()
    } finally {
      if (user === 0) process.seteuid!(0)
    }
  }
  const file = join(dir, 'a.yaml')
  write('a.yaml', document('one'))
  chmodSync(file, 0o000)
  assert.match((await look()).problems[0]!.message, /cannot be read/)
  chmodSync(file, 0o644)
  assert.equal(programOf((await look()).servers.get('one')), 'serve')
  const { atime, mtime } = statSync(file)
  write('a.yaml', document('one', 'other'))
  utimesSync(file, atime, mtime)
  assert.equal(programOf((await look()).servers.get('one')), 'other')
})

test('a broken file keeps its last good content, a later rival is refused, a missing folder changes nothing', async (t) => {
  const { dir, write, reader } = folder(t)
  write('b.yaml', document('one', 'first'))
  await reader.look()
  write('b.yaml', '{')
  await reader.look()
  const broken = await reader.look()
  const wish = broken.servers.get('one')
  assert.equal(programOf(wish), 'first')
  assert.match(wish?.problem ?? '', /^b\.yaml:1:/)
  assert.equal(broken.complete, true, 'it is known what the file was about')
  write('a.yaml', document('one', 'earlier by name'))
  await reader.look()
  const rivals = await reader.look()
  assert.equal(programOf(rivals.servers.get('one')), 'earlier by name')
  assert.ok(rivals.problems.some(({ file, message }) => file === 'b.yaml' && /already/.test(message)))
  rmSync(dir, { recursive: true })
  const away = await reader.look()
  assert.equal(programOf(away.servers.get('one')), 'earlier by name')
  assert.equal(away.complete, false)
  assert.match(away.problems[0]!.message, /folder cannot be read/)
})

test('while a file was never readable, what it was about is not known', async (t) => {
  const { write, reader } = folder(t)
  write('a.yaml', '{')
  assert.equal((await reader.look()).complete, false)
})
