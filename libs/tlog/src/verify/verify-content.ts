import { type AuditRecord, type FindKey, type JsonObject, openEvent } from '@countersign/contracts'
import { checkpointFile, contentPath } from '../log/files.ts'
import { TreeReader } from '../log/tree-reader.ts'
import { readCheckpoint } from '../note/checkpoint.ts'
import { openStore, type StoreLocation } from '../store/open-store.ts'
import { findTrees } from './find-trees.ts'
import type { Problem } from './problem.ts'

/** What was found of encrypted content. */
export interface ContentVerification {
  /** Places that open with the keys to what was sealed there. */
  opened: number
  /** Places whose keys are gone. */
  erased: number
  problems: Problem[]
}

const maxProblems = 100

/**
 * Opens everything in a log that is encrypted, to see that it is what was sealed: that the log itself is whole is for `verifyLog`.
 *
 * @param find finds the keys of subjects
 * @throws NoLog for a place without a log, Error when it or the keys cannot be read
 */
export async function verifyContent(location: StoreLocation, find: FindKey): Promise<ContentVerification> {
  const store = openStore(location)
  const found: ContentVerification = { opened: 0, erased: 0, problems: [] }
  for (const folder of await findTrees(store)) {
    const note = await store.read(folder + checkpointFile)
    if (!note) continue
    const { size } = readCheckpoint(note.toString())
    const reader = new TreeReader(store, folder, () => size)
    for (let index = 0; index < size;) {
      const { entries } = await reader.entriesFrom(index)
      if (entries.length === 0) break
      for (const entry of entries) {
        const record = JSON.parse(entry.toString()) as AuditRecord
        const beside = record.content && (await store.read(folder + contentPath(record.content.digest)))
        const cloudEvent = beside ? (JSON.parse(beside.toString()) as JsonObject) : (record.cloudEvent ?? {})
        const { opened, erased, unreadable } = openEvent({ ...record, cloudEvent }, find)
        found.opened += opened
        found.erased += erased
        for (const path of unreadable) {
          const reason = `what is encrypted at ${path} does not open with its key to what was sealed`
          if (found.problems.length < maxProblems)
            found.problems.push({ file: `${folder}tile/entries`, entry: index, reason })
        }
        index += 1
      }
    }
  }
  await store.close()
  return found
}
