import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { glob, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'rolldown'
import { cacheDir, root, services } from './options.ts'

/** Where bundles lie, a folder for each state of the sources. */
const bundles = join(cacheDir, 'bundles')
const dayMs = 24 * 3600 * 1000
/** Bundles that nobody used for so long are removed. */
const keptMs = 7 * dayMs

/** A program that a module starts beside itself: `new URL('name.ts', import.meta.url)`. */
const startedProgram = /new URL\('([^']+\.ts)', import\.meta\.url\)/g

/** Makes a bundle of its own of each program that a bundled module starts, and has the module start that. */
const programs: Plugin = {
  name: 'programs',
  transform: {
    filter: { id: /\/(services|libs)\/.*\.ts$/, code: startedProgram },
    handler(code, id) {
      return code.replace(startedProgram, (_found, file: string) => {
        const program = this.emitFile({ type: 'chunk', id: join(dirname(id), file) })
        return `new URL(import.meta.ROLLUP_FILE_URL_${program})`
      })
    },
  },
}

/** Where the program of each service is. */
export type ProgramOf = (service: (typeof services)[number]) => string

/**
 * What to start each service with: its bundle, or its sources where there can be none, as where the bundler does not run.
 *
 * @param say told why it is not the bundle
 */
export function programsOf(say: (line: string) => void, bundle = bundleServices): Promise<ProgramOf> {
  return bundle().catch((error: Error) => {
    say(
      `the services start from their sources, which takes longer, because they could not be bundled: ${error.message}`,
    )
    return sourceOf
  })
}

/**
 * Puts each service with all that it imports into few files, unless that was done for these sources before: a thousand modules take a
 * process three times as long to load, and there are ten processes.
 *
 * @returns where the program of each service is
 * @throws Error when the sources cannot be bundled
 */
export async function bundleServices(): Promise<ProgramOf> {
  const dir = join(bundles, await digestOfSources())
  if (!existsSync(dir)) {
    const unfinished = `${dir}.${randomUUID()}`
    try {
      // Only where there is something to bundle: it takes a while to load itself.
      const { build } = await import('rolldown')
      await build({
        input: Object.fromEntries(services.map((service) => [service, sourceOf(service)])),
        platform: 'node',
        // It reads files that lie beside it.
        external: [/^@electric-sql\//],
        plugins: [programs],
        logLevel: 'silent',
        output: { dir: unfinished, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      })
      // Whoever bundled the same meanwhile was as good.
      await rename(unfinished, dir).catch((error: unknown) => {
        if (!existsSync(dir)) throw error
      })
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
  }
  // Another launcher may be at it, too, or the folder not be ours to write: what is left goes another time.
  await markUsed(dir)
    .then(removeOld)
    .catch(() => {})
  setInterval(() => void markUsed(dir).catch(() => {}), dayMs).unref()
  return (service) => join(dir, `${service}.js`)
}

function sourceOf(service: (typeof services)[number]): string {
  return join(root, 'services', service, 'src', 'main.ts')
}

/** Changes with every change of a source file, of what is installed, and of how bundles are made. */
async function digestOfSources(): Promise<string> {
  // What npm has installed, which need not be what the other lock says.
  const files = ['node_modules/.package-lock.json', relative(root, fileURLToPath(import.meta.url))]
  for await (const file of glob('{services,libs}/*/{package.json,src/**/*.ts}', { cwd: root })) files.push(file)
  const hash = createHash('sha256').update(process.version)
  for (const file of files.toSorted()) {
    const { mtimeMs, size } = await stat(join(root, file))
    hash.update(`${file} ${mtimeMs} ${size}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}

async function markUsed(dir: string): Promise<void> {
  const now = new Date()
  await utimes(dir, now, now)
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(bundles)) {
    const { mtimeMs } = await stat(join(bundles, name))
    if (Date.now() - mtimeMs > keptMs) await rm(join(bundles, name), { recursive: true, force: true })
  }
}
