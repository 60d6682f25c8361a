import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable, widthOf } from './printable.ts'
import { nameColumn, table } from './table.ts'

const plain = (text: string) => text
const columns = [{ head: 'NAME' }, { head: 'COUNT', align: 'right' }, { head: 'TEXT', shrinks: true }] as const

test('columns are as wide as their widest cell, numbers end where others end', () => {
  assert.deepEqual(
    table(
      columns,
      [
        ['a', '1', 'short'],
        ['longer', '1000', 'x'],
      ],
      plain,
    ),
    ['NAME    COUNT  TEXT', 'a           1  short', 'longer   1000  x'],
  )
})

test('only columns that may shrink are cut, to the width of the terminal', () => {
  const lines = table(columns, [['unshortened', '1', 'a text that is far too long']], plain, 35)
  assert.deepEqual(lines, ['NAME         COUNT  TEXT', 'unshortened      1  a text that is…'])
  assert.ok(lines.every((line) => widthOf(line) <= 35))
  const narrow = table(columns, [['unshortened', '1', 'a text that is far too long']], plain, 5)
  assert.match(narrow[1]!, /^unshortened +1 +a text …$/)
})

test('long names are cut, also where there is no terminal', () => {
  const lines = table(
    [nameColumn('NAME'), { head: 'STATE' }],
    [
      ['x'.repeat(200), 'pinned'],
      ['short', 'pinned'],
    ],
    plain,
  )
  assert.deepEqual(lines, [`NAME${' '.repeat(38)}STATE`, `${'x'.repeat(39)}…  pinned`, `short${' '.repeat(37)}pinned`])
})

test('wide and combining characters count as the terminal shows them', () => {
  const [, first, second] = table(
    columns,
    [
      ['日本', '1', 'x'],
      ['e\u0301e', '1', 'x'],
    ],
    plain,
  )
  assert.equal(widthOf(first!), widthOf(second!))
})

test('text cannot steer the terminal, colours come from the caller alone', () => {
  assert.equal(printable('a\u001b[31m\r\nb\tc\u202ed\u0085'), 'a\\u{1b}[31m\\u{d}\\nb\\tc\\u{202e}d\\u{85}')
  const [, line] = table(
    columns,
    [[{ text: 'a\u001b[0m', style: 'bad' }, '1', '\u001b]0;x\u0007']],
    (text, style) => `<${style}>${text}</>`,
  )
  assert.equal(line, '<bad>a\\u{1b}[0m</>      1  \\u{1b}]0;x\\u{7}')
})
