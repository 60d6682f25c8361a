import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exits } from '../../cli-error.ts'
import { storeTrouble } from './store-trouble.ts'

test('R13: what to do about a log that cannot be read fits why it cannot', () => {
  for (const [message, next] of [
    ["EACCES: permission denied, scandir '/var/audit'", /run it as a user who may read all of the log/],
    ['https://s3.example/b/ did not list: status 403 AccessDenied', /set AWS_ACCESS_KEY_ID/],
    ['https://s3.example/b/ did not read checkpoint: status 404 NoSuchBucket', /there is no such bucket/],
    ['https://s3.example/b/ did not list: status 301 PermanentRedirect', /set AWS_REGION/],
    ['https://s3.example/b/ cannot be reached: fetch failed (self-signed certificate)', /set AWS_CA_BUNDLE/],
    ['https://s3.example/b/ cannot be reached: fetch failed (connect ECONNREFUSED)', /check the address/],
    ['https://s3.example/b/ did not list: status 503 SlowDown', /try again later/],
    ['EIO: i/o error, read', /says nothing about the log/],
  ] as const) {
    const error = storeTrouble(new Error(message))
    assert.deepEqual([error.exit, error.message], [exits.unreachable, `the log cannot be read: ${message}`])
    assert.match(error.next ?? '', next)
    assert.doesNotMatch(error.next ?? '', /name the folder of a log/)
  }
  const none = storeTrouble(Object.assign(new Error('there is no log'), { name: 'NoLog' }))
  assert.deepEqual([none.exit, none.message], [exits.notFound, 'there is no log'])
  assert.match(none.next ?? '', /name the folder of a log/)
})
