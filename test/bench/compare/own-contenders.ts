import { residentMiB, residentOf } from '../resident.ts'
import { startWorld } from '../world.ts'
import { type Contender, toolCount, tools } from './contender.ts'

/** The tool server, called without anything between. */
export const direct: Contender = {
  name: 'direct',
  version: '',
  start: async (url) => ({ url, headers: {}, tools, memoryMiB: () => 0, stop() {} }),
}

/** The least that a gateway written in this language can cost. */
export const passThrough: Contender = {
  name: 'pass-through proxy',
  version: `node:http ${process.version}`,
  async start(upstream, processes) {
    const { url, pid, stop } = await processes.startServer('compare/pass-through.ts', [upstream])
    return { url, headers: {}, tools, memoryMiB: () => residentOf(pid), stop }
  },
}

/** Ours, as `npm run bench` measures it: every event on disk, every call decided by policy, granted and audited. */
export const countersign: Contender = {
  name: 'Countersign',
  version: 'this checkout',
  async start(upstream, _processes, say) {
    const world = await startWorld(say)
    await world.addServer('bench', upstream, toolCount)
    const memoryMiB = () => Object.values(residentMiB(world.running)).reduce((sum, each) => sum + each, 0)
    return { ...world.governed('bench'), tools, memoryMiB, stop: () => world.stop() }
  },
}
