import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Settings with which audit encrypts what is personal; its keys lie beside the folder of the log. */
export async function personalSettings({ dir }: { dir: string }): Promise<Record<string, string>> {
  const root = dirname(dir)
  const kekFile = join(root, 'kek')
  if (!existsSync(kekFile)) await writeFile(kekFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
  return {
    COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR: join(root, 'subject-keys'),
    COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE: kekFile,
  }
}

/** The files below a folder that have a text in them, as it is or in base64. */
export function filesWith(folder: string, text: string): string[] {
  // Whatever comes before it, one of the three forms is in it.
  const inBase64 = [0, 1, 2].map((skipped) => {
    const encoded = Buffer.from(' '.repeat(skipped) + text).toString('base64')
    return encoded.slice(skipped === 0 ? 0 : 4, encoded.length - 4).replaceAll(/[+/]/g, '.')
  })
  const wanted = [text, ...inBase64].map((each) => new RegExp(each.replaceAll(/[^\w.]/g, '\\$&')))
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => wanted.some((each) => each.test(readFileSync(path, 'latin1').replaceAll(/[+/_-]/g, '.'))))
}
