/** Starts `small-service.ts` with the arguments that it is given, as the launcher starts services, and says its process id. */
import { fork } from 'node:child_process'

const service = fork(new URL('small-service.ts', import.meta.url), process.argv.slice(2), {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  detached: true,
})
process.send!(service.pid)
