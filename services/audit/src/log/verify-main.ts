import { verifyLog } from './verify.ts'

/** `node verify-main.ts <log folder> [verifier key]`: checks an audit log offline; exit 0 when it is whole, 1 when not. */
const [dir, key] = process.argv.slice(2)
if (dir === undefined) {
  process.stderr.write('usage: verify-main.ts <log folder> [verifier key]\n')
  process.exit(2)
}
const { size, head, problem } = await verifyLog(dir, key)
process.stdout.write(`${size} entries verified, head ${head}\n`)
if (problem) {
  process.stderr.write(`broken at ${problem.file}, line ${problem.line} (entry ${problem.index}): ${problem.reason}\n`)
  process.exit(1)
}
