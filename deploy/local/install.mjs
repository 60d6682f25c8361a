// Makes sure that what package-lock.json names is installed; runs on any Node >= 20, before anything else is there.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const major = Number(process.versions.node.split('.')[0])
if (major < 20) {
  console.error(
    `countersign: Node ${process.versions.node} is too old; install Node 20 or newer (the project brings its own Node 24 along)`,
  )
  process.exit(1)
}

const stamp = join(root, 'node_modules', '.cache', 'countersign', 'installed')
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')
const node24 = join(root, 'node_modules', '.bin', 'node')
const installed = existsSync(stamp) && existsSync(node24) ? readFileSync(stamp, 'utf8') : ''

if (installed !== wanted) {
  console.error('countersign: installing what is needed (once; about a minute)')
  const npm = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (npm.error || npm.status !== 0) {
    console.error(
      `countersign: npm ci failed${npm.error ? ` (${npm.error.message})` : ''}; its messages are above. If another npm was installing in this folder, wait until it has ended; else mend what they say. Then run the command again`,
    )
    process.exit(1)
  }
  const version = spawnSync(node24, ['--version'], { encoding: 'utf8' })
  if (!(version.stdout ?? '').startsWith('v24.')) {
    console.error(
      'countersign: Node 24 did not install with the dependencies; does npm run install scripts here (ignore-scripts)?',
    )
    process.exit(1)
  }
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}
