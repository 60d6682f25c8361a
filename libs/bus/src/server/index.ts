export { findNatsServer } from './find-binary.ts'
export { natsServerConfig } from './server-config.ts'
export { type NatsServer, newPasswords, startNatsServer } from './start-server.ts'
