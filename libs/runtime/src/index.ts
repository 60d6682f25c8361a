export { checkHost, readHosts, type Served } from './check-host.ts'
export { Expectations, HealthServer } from './health.ts'
export { type Part, Parts, PartsError } from './part.ts'
export { type CommonConfig, runService, type ServiceContext } from './run-service.ts'
