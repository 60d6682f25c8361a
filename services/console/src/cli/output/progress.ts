import { clearLine, type Sink } from './output.ts'

/**
 * Shows how far something is on a line of its own, which is taken away again. At a terminal only: who reads a pipe or a file sees nothing.
 *
 * @param sink standard error, so that it is seen also where the answer goes elsewhere
 */
export function progressOn(sink: Sink): { show: (text: string) => void; end: () => void } {
  let shown = false
  const write = (text: string) => {
    if (sink.isTTY === true) sink.write(`${clearLine}${text}`)
  }
  return {
    show(text) {
      shown = true
      write(text)
    },
    end() {
      if (shown) write('')
      shown = false
    },
  }
}
