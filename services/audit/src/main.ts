import { runService } from '@countersign/runtime'
import { readAuditConfig } from './config.ts'
import { auditParts } from './service.ts'

await runService({ name: 'audit', config: readAuditConfig, parts: auditParts })
