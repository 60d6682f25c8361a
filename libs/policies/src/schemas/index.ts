export { ArgumentChecks } from './check-arguments.ts'
export { outputSchemaProblem } from './output-schema.ts'
