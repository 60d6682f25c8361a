import { runService } from '@countersign/runtime'
import { loadConfig } from './config.ts'
import { auditParts } from './service.ts'

await runService({ name: 'audit', config: loadConfig, parts: auditParts })
