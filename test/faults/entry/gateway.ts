import { loadConfig } from '../../../services/gateway/src/config.ts'
import { gatewayParts } from '../../../services/gateway/src/service.ts'
import { runWithFaults } from './run-with-faults.ts'

await runWithFaults({ name: 'gateway', config: loadConfig, parts: gatewayParts })
