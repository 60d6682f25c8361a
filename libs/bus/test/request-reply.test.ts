import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verbs } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'

const answerWith = (revision: string) => ({ revision, loadedAt: null, policies: [], problems: [] })

test('an answer that the bus does not carry is an error for who asked, and the next question is answered', async (t) => {
  const { connect } = await startTestBus(t)
  const [policy, console] = await Promise.all([connect('policy'), connect('console')])
  const defects: unknown[] = []
  // One is larger than a message may be, one is no JSON.
  const answers = ['r0', 'x'.repeat(9 * 1024 * 1024), 1n as unknown as string, 'r1']
  policy.serveApi(
    verbs.policy.policies,
    () => answerWith(answers.length > 1 ? answers.shift()! : answers[0]!),
    (error) => defects.push(error),
  )
  const ask = async () => (await console.callApi(verbs.policy.policies, {})).revision
  assert.equal(await until(ask, 'policy answers'), 'r0')
  for (const count of [1, 2]) {
    await assert.rejects(ask(), {
      code: 'internal',
      message: /policy\.policies has an answer that cannot be sent.*see the log of policy/,
    })
    assert.equal(defects.length, count)
    assert.match(String(defects.at(-1)), /the answer of policy\.policies could not be sent/)
  }
  assert.equal(await ask(), 'r1')
})

test('an answer that is too large and comes after the connection was closed ends nothing', async (t) => {
  const { connect } = await startTestBus(t)
  const [policy, console] = await Promise.all([connect('policy'), connect('console')])
  const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const defects: unknown[] = []
  let late = false
  policy.serveApi(
    verbs.policy.policies,
    async () => {
      if (!late) return answerWith('r0')
      asked.resolve()
      await answer.promise
      return answerWith('x'.repeat(9 * 1024 * 1024))
    },
    (error) => defects.push(error),
  )
  const ask = async () => (await console.callApi(verbs.policy.policies, {}, 1000)).revision
  await until(ask, 'policy answers')
  late = true
  const none = assert.rejects(ask(), { code: 'service_unavailable' })
  await asked.promise
  await policy.close()
  answer.resolve()
  await none
  assert.equal(defects.length, 1)
})

test('R41: who answers a verb and stops answers what it was asked before', async (t) => {
  const { connect } = await startTestBus(t)
  const [policy, console] = await Promise.all([connect('policy'), connect('console')])
  const [asked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const serving = policy.serveApi(
    verbs.policy.policies,
    async () => {
      asked.resolve()
      await goOn.promise
      return answerWith('r1')
    },
    (error) => assert.fail(String(error)),
  )
  const answer = console.callApi(verbs.policy.policies, {})
  await asked.promise
  const stopping = serving.stop()
  let isStopped = false
  void stopping.then(() => (isStopped = true))
  // Nobody takes a request any more.
  await assert.rejects(console.callApi(verbs.policy.policies, {}, 200), /policy does not answer/)
  assert.equal(isStopped, false)
  goOn.resolve()
  await stopping
  assert.equal((await answer).revision, 'r1')
})
