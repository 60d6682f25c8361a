import { runService } from '@countersign/runtime'
import { loadConfig } from './config.ts'
import { lifecycleParts } from './service.ts'

await runService({ name: 'lifecycle', config: loadConfig, parts: lifecycleParts })
