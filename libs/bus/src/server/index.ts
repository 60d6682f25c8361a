export { BatchMemory } from './batch-memory.ts'
export { findNatsServer } from './find-binary.ts'
export { type ClusterSection, natsServerConfig } from './server-config.ts'
export { type NatsServer, newPasswords, startNatsServer } from './start-server.ts'
