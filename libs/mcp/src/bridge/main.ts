#!/usr/bin/env node
import { Bridge } from './bridge.ts'
import { readBridgeConfig, UsageError } from './config.ts'

const log = (line: string) => process.stderr.write(`countersign-stdio-bridge: ${line}\n`)

try {
  const config = readBridgeConfig(process.argv.slice(2))
  let stopping = false
  const bridge = new Bridge(config, log, (reason) => {
    if (!stopping) log(`the server is gone: ${reason}`)
    process.stdout.write(`${JSON.stringify({ ended: reason })}\n`)
    process.exit(stopping ? 0 : 1)
  })
  const stop = () => {
    if (stopping) return
    stopping = true
    void bridge.stop()
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  // The pipe from whoever started this process closes with them, however they end.
  if (config.stopOnStdinClose) process.stdin.once('close', stop).resume()
  const listening = await bridge.start()
  process.stdout.write(`${JSON.stringify({ listening })}\n`)
} catch (error) {
  log((error as Error).message)
  process.exit(error instanceof UsageError ? 2 : 1)
}
