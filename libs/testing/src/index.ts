export { callFixture, requestedFixture } from './fixtures.ts'
export { type Cleanup, startTestBus, type TestBus } from './test-bus.ts'
export { until } from './until.ts'
