/** A service with one part: `node small-service.ts <NATS url> <password file> [stuck]`. The part of one that is stuck never starts. */
import { runService } from '@countersign/runtime'

const [natsUrl, natsPasswordFile, stuck] = process.argv.slice(2)

await runService({
  name: 'gateway',
  config: () => ({
    ...{ natsUrl: natsUrl!, natsPasswordFile: natsPasswordFile! },
    ...{ healthHost: '127.0.0.1', healthPort: 0, logLevel: 'info', shutdownGraceMs: 1000 },
  }),
  parts: ({ natsUrl: url }, { bus, log }) => [
    {
      name: 'listening',
      async start() {
        bus.listen('replies.small', () => {})
        log.info({ url }, 'the part starts')
        if (stuck) await new Promise(() => {})
      },
    },
  ],
})
