import { loadConfig } from '../../../services/lifecycle/src/config.ts'
import { lifecycleParts } from '../../../services/lifecycle/src/service.ts'
import { runWithFaults } from './run-with-faults.ts'

await runWithFaults({ name: 'lifecycle', config: loadConfig, parts: lifecycleParts })
