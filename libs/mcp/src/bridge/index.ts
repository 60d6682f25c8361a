import { fileURLToPath } from 'node:url'

export { childEnv } from './child-env.ts'
export { LineReader } from './line-reader.ts'

/**
 * The program of the stdio bridge, to be run with node. On standard output it writes `{"listening": port}` once it serves and
 * `{"ended": reason}` when its server is gone.
 */
export const stdioBridgePath = fileURLToPath(new URL('./main.ts', import.meta.url))
