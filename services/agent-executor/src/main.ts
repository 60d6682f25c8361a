import { runService } from '@countersign/runtime'
import { loadConfig } from './config.ts'
import { executorParts } from './service.ts'

await runService({ name: 'agent-executor', config: loadConfig, parts: executorParts })
