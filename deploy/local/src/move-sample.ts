import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, isPortFree } from '@countersign/config'
import { root } from './options.ts'

/**
 * Gives the sample server that listens on a port another one, when somebody else has that by now. A document that people changed
 * is theirs, and left as it is.
 *
 * @param folder the documents of this state
 */
export async function moveSample(folder: string, say: (line: string) => void): Promise<void> {
  const file = 'everything.yaml'
  const sample = await readFile(join(root, 'deploy', 'local', 'samples', 'servers', file), 'utf8')
  const text = await readFile(join(folder, file), 'utf8').catch(() => '')
  const port = /^ +port: (\d+)$/m.exec(text)?.[1]
  const on = (number: string | number) => sample.replaceAll('__everythingPort__', String(number))
  if (port === undefined || text !== on(port) || (await isPortFree(Number(port)))) return
  const everything = await freePort()
  await writeFile(join(folder, file), on(everything))
  say(`port ${port} is taken by another program, so the sample server everything listens on ${everything} now`)
}
