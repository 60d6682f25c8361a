import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { inTransaction, openKeyDatabase, openKeyEncryptionKeys, SubjectKeys } from '@countersign/subject-keys'
import type { Cleanup } from '@countersign/testing'
import { Encryptor } from '../src/record/encrypt/encryptor.ts'
import type { EventRule } from '../src/record/event-rules.ts'
import { auditFolder } from './harness.ts'

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

/** Keys of subjects in a folder that goes away with the test, and what encrypts with them. */
export async function personalKeys(t: Cleanup) {
  const settings = await personalSettings(await auditFolder(t))
  const [keysDir, kekFile] = Object.values(settings)
  const database = openKeyDatabase(keysDir!)
  t.after(() => database.close())
  const keks = await openKeyEncryptionKeys(kekFile!)
  const keys = new SubjectKeys(database, keks)
  return {
    keys,
    encryptor: (rules: readonly EventRule[]) => new Encryptor(rules, keys, keks),
    erase(subject: string) {
      keys.persist()
      return inTransaction(database, () => keys.eraseSubject('default', subject))
    },
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
