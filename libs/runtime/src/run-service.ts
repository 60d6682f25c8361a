import { readFileSync } from 'node:fs'
import { type Bus, connectBus } from '@countersign/bus'
import { ConfigError } from '@countersign/config'
import type { BusUser } from '@countersign/contracts'
import { createLogger, type Logger, startTelemetry, type Telemetry } from '@countersign/telemetry'
import { Expectations, HealthServer } from './health.ts'
import { type Part, Parts } from './part.ts'

/** A service that has not started is not silent about it for longer than this. */
const stillStartingMs = 10_000

/** What every service is given. */
export interface ServiceContext {
  bus: Bus
  log: Logger
  telemetry: Telemetry
  expectations: Expectations
}

/** The settings every service has (`commonSettings`). */
export interface CommonConfig {
  natsUrl: string
  natsPasswordFile: string
  healthHost: string
  healthPort: number
  logLevel: string
  shutdownGraceMs: number
}

/**
 * Runs a service until SIGTERM or SIGINT, or until the launcher that started it is gone: serves health, connects to the bus, starts the
 * parts in order. When it is to stop, whether it has started or not, readiness turns red first, then parts stop in reverse, then the bus is
 * drained; a second signal ends the process at once.
 */
export async function runService<C extends CommonConfig>(service: {
  name: BusUser
  config: () => C
  parts: (config: C, context: ServiceContext) => Part[]
}): Promise<void> {
  let config: C
  try {
    config = service.config()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${service.name}: ${error.message}\n`)
    process.exit(2)
  }
  const log = createLogger(service.name, config.logLevel)
  const telemetry = startTelemetry(service.name, process.env.OTEL_EXPORTER_OTLP_ENDPOINT)
  const expectations = new Expectations()
  const connected = expectations.expect('bus')
  let bus: Bus | undefined
  let parts: Parts | undefined
  let stopping = false
  const awaited = () => [...expectations.awaited, ...(parts?.awaited ?? ['parts'])]

  const health = new HealthServer({
    awaited: () => [...(stopping ? ['stopping'] : []), ...awaited()],
    why: () => expectations.why,
    metricsText: () => telemetry.metricsText(),
  })

  const stop = async (signal: string) => {
    if (stopping) process.exit(1)
    stopping = true
    log.info({ signal }, 'stopping')
    let status = 0
    try {
      await parts?.stop(config.shutdownGraceMs)
    } catch (error) {
      log.error({ err: error }, 'some parts did not stop cleanly')
      status = 1
    }
    await Promise.all([bus?.close(), telemetry.stop()])
    health.close()
    process.exit(status)
  }
  // Before anything is waited for: it may be for ever.
  process.on('SIGTERM', (signal) => void stop(signal))
  process.on('SIGINT', (signal) => void stop(signal))
  // Started by a launcher that is gone: nobody would stop this process any more.
  process.once('disconnect', () => void stop('launcher gone'))
  // It went before anybody listened.
  if (process.send && !process.connected) return stop('launcher gone')

  const port = await health.listen(config.healthHost, config.healthPort)
  log.info({ port }, 'health is served')
  const waiting = setInterval(() => log.warn({ awaited: awaited() }, 'still starting'), stillStartingMs)

  bus = await connectBus({
    url: config.natsUrl,
    user: service.name,
    password: readFileSync(config.natsPasswordFile, 'utf8').trim(),
    onStatus: (up, detail) => {
      connected(up)
      log[up ? 'info' : 'warn']({ detail }, up ? 'bus connected' : 'bus away')
    },
  })
  connected(true)
  if (stopping) return

  parts = new Parts(service.parts(config, { bus, log, telemetry, expectations }))
  try {
    await parts.start(config.shutdownGraceMs)
    log.info('started')
    if (process.connected) process.send?.({ started: service.name, healthPort: port })
  } catch (error) {
    // Whoever stops it ends it.
    if (stopping) return
    log.fatal({ err: error }, 'could not start')
    process.exit(1)
  } finally {
    clearInterval(waiting)
  }
}
