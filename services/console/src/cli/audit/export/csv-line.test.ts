import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvLine } from './csv-line.ts'

test('R21: a line of CSV is as RFC 4180 has it, and no spreadsheet takes it for a formula', () => {
  assert.equal(csvLine(['a', 1, true, undefined]), 'a,1,true,\r\n')
  assert.equal(csvLine(['a,b', 'say "hi"', 'two\nlines']), '"a,b","say ""hi""","two\nlines"\r\n')
  for (const formula of ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '=HYPERLINK("http://x","y")']) {
    const [cell] = csvLine([formula]).split('\r\n')
    assert.match(cell!, /^"?'/, formula)
  }
  // A number is one.
  assert.equal(csvLine([-1]), '-1\r\n')
})
