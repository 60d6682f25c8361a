import { loadConfig } from '../../../services/policy/src/config.ts'
import { policyParts } from '../../../services/policy/src/service.ts'
import { runWithFaults } from './run-with-faults.ts'

await runWithFaults({ name: 'policy', config: loadConfig, parts: policyParts })
