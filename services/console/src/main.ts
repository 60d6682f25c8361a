import { runService } from '@countersign/runtime'
import { loadConfig } from './config.ts'
import { consoleParts } from './service.ts'

await runService({ name: 'console', config: loadConfig, parts: consoleParts })
