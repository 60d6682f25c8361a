export { createLogger, type Logger } from './logger.ts'
export { startTelemetry, type Telemetry } from './telemetry.ts'
export { isTraceparent, newTraceparent } from './trace-context.ts'
