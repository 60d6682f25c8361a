import { parentPort, workerData } from 'node:worker_threads'
import { openStore, type StoreLocation } from '../store/open-store.ts'
import { checkPart, type Part } from './check-part.ts'
import { packFacts } from './pack-facts.ts'
import type { PartAnswer } from './part-checkers.ts'

/** A thread of `PartCheckers`: is given parts, answers each. */
const store = openStore(workerData as StoreLocation)
const port = parentPort!

async function answer(part: Part): Promise<void> {
  try {
    const { facts, ...checked } = await checkPart(store, part)
    const packed = packFacts(facts)
    const answered: PartAnswer = { ...checked, facts: packed }
    port.postMessage(answered, [packed.numbers.buffer as ArrayBuffer])
  } catch (error) {
    port.postMessage({ failed: (error as Error).message })
  }
}

port.on('message', (part: Part) => void answer(part))
