import type { DatabaseSync } from 'node:sqlite'
import type { WatchOptions } from '@countersign/config'
import {
  Deeds,
  ExpiredKeys,
  hasKeyDatabase,
  type KeyEncryptionKeys,
  LegalHolds,
  openKeyDatabase,
  openKeyEncryptionKeys,
  SubjectKeys,
} from '@countersign/subject-keys'
import { Encryptor } from '../record/encrypt/encryptor.ts'
import { readPersonalRules } from '../record/encrypt/personal-rules.ts'
import type { NewestEncrypted } from './find-encrypted.ts'
import { noteLoss, refuseUndeclared } from './lost-keys.ts'
import { type Fault, watchKeys } from './watch-keys.ts'

/** Where keys of subjects are kept and what is personal, as the settings say it. */
export interface PersonalSettings {
  keysDir?: string | undefined
  kekFile?: string | undefined
  rulesFile?: string | undefined
  /** Folder of the log, which must lie apart. */
  logDir?: string | undefined
  /** What whoever runs audit says of keys that are not there: everything encrypted up to this instant has lost them. */
  lostUntil?: string | undefined
}

/** What encrypts, opens and erases what is personal. */
export interface Personal {
  database: DatabaseSync
  keks: KeyEncryptionKeys
  keys: SubjectKeys
  expired: ExpiredKeys
  holds: LegalHolds
  deeds: Deeds
  encryptor: Encryptor
  /** What is wrong with the keys on disk, as they are now. */
  faults: () => Fault[]
}

/**
 * Opens the keys of subjects; undefined where the settings name none, and nothing is encrypted.
 *
 * @param encrypted the newest encrypted record of each tenant, asked for where there are no keys
 * @throws Error for settings that do not go together, keys that cannot be read or are missing, rules that were not understood (I7)
 */
export async function openPersonal(
  settings: PersonalSettings,
  options: WatchOptions,
  encrypted: () => Promise<readonly NewestEncrypted[]>,
): Promise<Personal | undefined> {
  const { keysDir, kekFile, rulesFile, logDir, lostUntil } = settings
  if (keysDir === undefined || kekFile === undefined) {
    if (keysDir === undefined && kekFile === undefined && rulesFile === undefined) return undefined
    throw new Error(
      'to encrypt what is personal, set both COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR and COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE (make that file ' +
        'with: openssl rand -base64 32)',
    )
  }
  const rules = readPersonalRules(rulesFile)
  const keks = await openKeyEncryptionKeys(kekFile, options)
  const lost = hasKeyDatabase(keysDir) ? [] : await encrypted()
  refuseUndeclared(keysDir, lost, lostUntil)
  const apart = logDir === undefined ? [] : [logDir]
  const database = openKeyDatabase(keysDir, apart, (begun) => noteLoss(new Deeds(begun), lost, new Date()))
  try {
    const keys = new SubjectKeys(database, keks)
    const [missing] = keys.missingKeks()
    if (missing) {
      throw new Error(
        `${missing.keys} keys of subjects in ${keysDir} are wrapped with the key-encryption key ${missing.kek}, which ${kekFile} does ` +
          'not have: put it back, as a further line',
      )
    }
    return {
      ...{ database, keks, keys },
      expired: new ExpiredKeys(database),
      holds: new LegalHolds(database),
      deeds: new Deeds(database),
      encryptor: new Encryptor(rules, keys, keks),
      faults: watchKeys({ dir: keysDir, kekFile, keys, keks }),
    }
  } catch (error) {
    database.close()
    throw error
  }
}
