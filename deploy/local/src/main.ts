import { launch, type Running } from './launch.ts'
import { readOptions, usage, UsageError } from './options.ts'
import { screen } from './screen.ts'

const say = (line: string) => process.stderr.write(`countersign: ${line}\n`)
const end = (message: string, status: number): never => {
  say(message)
  process.exit(status)
}

let launching: Promise<Running> | undefined
let stopping = false
const stop = async (signal: string) => {
  if (stopping) return
  stopping = true
  say(`${signal}: stopping`)
  try {
    // What is half started is started first, so that nothing is left behind.
    await (await launching)?.stop()
  } catch (error) {
    end(`did not stop cleanly: ${(error as Error).message}`, 1)
  }
  end('stopped', 0)
}

try {
  const options = readOptions(process.argv.slice(2), process.env)
  if (options) {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(signal))
    launching = launch(options, say)
    const running = await launching
    if (!stopping) process.stdout.write(screen(running))
  } else process.stdout.write(usage)
} catch (error) {
  if (error instanceof UsageError) end(`${error.message}\n\n${usage}`, 2)
  end((error as Error).message, 1)
}
