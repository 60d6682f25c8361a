import { runService } from '@countersign/runtime'
import { loadConfig } from './config.ts'
import { gatewayParts } from './service.ts'

await runService({ name: 'gateway', config: loadConfig, parts: gatewayParts })
