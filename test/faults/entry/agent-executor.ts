import { loadConfig } from '../../../services/agent-executor/src/config.ts'
import { executorParts } from '../../../services/agent-executor/src/service.ts'
import { runWithFaults } from './run-with-faults.ts'

await runWithFaults({ name: 'agent-executor', config: loadConfig, parts: executorParts })
