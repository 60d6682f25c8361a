/** A process that gives way and takes its place again, as it is told; it says when each is done. */
import { Priority } from '../src/priority.ts'

const priority = new Priority()
process.on('message', (isLow: boolean) => {
  priority.giveWay(isLow)
  process.send!('done')
})
process.send!('ready')
