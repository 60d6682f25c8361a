import type { Styled } from './table.ts'

const styles: Record<string, Styled['style']> = {
  succeeded: 'good',
  resolved: 'good',
  denied: 'bad',
  failed: 'bad',
  unknown: 'bad',
  held: 'warn',
  voted: 'warn',
  refused: 'bad',
  crashed: 'bad',
  policies_refused: 'bad',
  sign_in_refused: 'bad',
  tool_changed: 'warn',
}

/** The name of an event, in the colour of what it means. */
export function stateCell(state: string): Styled {
  return { text: state, style: styles[state] ?? 'strong' }
}
