import { CliError, exits } from '../../cli-error.ts'

const notThere = 'name the folder of a log, the URL of its bucket, or a proof'

/** What to do about a store that does not let itself be read, by what is in its message: threads hand over no more than that. */
const remedies: readonly (readonly [message: RegExp, next: string])[] = [
  [
    /\b(EACCES|EPERM)\b/,
    'run it as a user who may read all of the log, or verify a copy that you may read: nothing is written to it',
  ],
  [
    /status (401|403)\b/,
    'the bucket is not public: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION) to those of somebody who may list and read it',
  ],
  [/status 404\b/, 'there is no such bucket: write https://<host>/<bucket>/<prefix>'],
  [/status (301|307|400)\b/, 'set AWS_REGION to the region of the bucket'],
  [/certificate/i, 'set AWS_CA_BUNDLE to a PEM file with the authority that its certificate is of'],
  [/cannot be reached/, 'check the address, and whether its server runs and can be reached from here'],
  [/status (429|5\d\d)\b/, 'its server has trouble of its own; try again later'],
  [
    /\b(EIO|EMFILE|ENFILE|ESTALE)\b/,
    'that is of the machine, and says nothing about the log; try again, or verify a copy',
  ],
]

/** Tells why a log could not be read, and what to do about that; nothing was found out about the log then. */
export function storeTrouble(error: Error): CliError {
  if (error.name === 'NoLog') return new CliError(exits.notFound, error.message, { next: notThere })
  return new CliError(exits.unreachable, `the log cannot be read: ${error.message}`, {
    next: remedies.find(([message]) => message.test(error.message))?.[1],
  })
}
