export { Expectations, HealthServer } from './health.ts'
export { type Part, Parts, PartsError } from './part.ts'
export { type CommonConfig, runService, type ServiceContext } from './run-service.ts'
