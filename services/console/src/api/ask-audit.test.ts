import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus } from '@countersign/bus'
import { type ApiVerb, CountersignError, verbs } from '@countersign/contracts'
import type { z } from 'zod'
import { askAudit, AuditSilent } from './ask-audit.ts'

/** A bus on which audit takes a question and never answers it; asked whether it is there, it does as it is told. */
function busWith(presence: () => Promise<unknown>): { bus: Pick<Bus, 'callApi'>; answer: (value: unknown) => void } {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const callApi = ({ verb }: ApiVerb<z.ZodType, z.ZodType>) => (verb === 'status' ? presence() : promise)
  return { bus: { callApi: callApi as Bus['callApi'] }, answer: resolve }
}

const question = { tenant: 'default' }

test('that audit hangs is known without waiting for the answer', async () => {
  const { bus } = busWith(async () => {
    throw new CountersignError('service_unavailable', 'audit does not answer; look at its log and ask again')
  })
  const silent = await askAudit(bus, verbs.audit.index, question).catch((error: unknown) => error)
  assert.ok(silent instanceof AuditSilent)
  assert.equal(silent.code, 'service_unavailable')
  assert.equal(silent.consequence('nothing is known'), 'audit does not answer, so nothing is known')
})

test('audit that is there is waited for', async () => {
  const { bus, answer } = busWith(async () => answer('in the end'))
  assert.equal(await askAudit(bus, verbs.audit.index, question), 'in the end')
})
