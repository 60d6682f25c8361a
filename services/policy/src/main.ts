import { runService } from '@countersign/runtime'
import { loadConfig } from './config.ts'
import { policyParts } from './service.ts'

await runService({ name: 'policy', config: loadConfig, parts: policyParts })
