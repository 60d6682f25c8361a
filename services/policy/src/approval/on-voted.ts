import { type Delivery, Terminal } from '@countersign/bus'
import { parseCallSubject } from '@countersign/contracts'
import type { PolicyContext } from '../call/context.ts'
import { settle } from './settle.ts'

/** Handles one `voted`: publishes the verdict when the votes decide. A crash after the vote is made good by the redelivery (I12). */
export async function onVoted(context: PolicyContext, { subject, seq }: Delivery): Promise<void> {
  const at = parseCallSubject(subject)
  if (!at) throw new Terminal(`the subject ${subject} is not one of a call`)
  await settle(context, at, seq)
}
