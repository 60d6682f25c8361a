import { loadConfig } from '../../../services/audit/src/config.ts'
import { auditParts } from '../../../services/audit/src/service.ts'
import { runWithFaults } from './run-with-faults.ts'

await runWithFaults({ name: 'audit', config: loadConfig, parts: auditParts })
