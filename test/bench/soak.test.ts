import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureSoak, soakTable } from './soak.ts'

test(
  'two minutes at half load: no call fails, and open files and streams do not grow',
  { timeout: 600_000 },
  async () => {
    const soak = await measureSoak(120, console.error)
    console.error(soakTable(soak))
    assert.equal(soak.load.failed, 0, soak.load.firstFailure)
    // Memory takes longer than this to be flat: pools fill, and the server remembers ids for two minutes. `--soak 3600` judges it.
    const grown = soak.trends.filter(({ what, flat }) => !flat && !what.endsWith(' MiB'))
    assert.deepEqual(grown, [])
  },
)
