import { CliError, exits } from '../cli-error.ts'

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const

/** A length of time in its largest unit that fits, like `3m`. */
export function lengthOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [unit, size] = units.find(([, each]) => seconds >= each) ?? units[3]
  return `${Math.floor(seconds / size)}${unit}`
}

/** How long something took, as exactly as people care for: `15 ms`, `3.3 s`, `26 s`, else like `3m`. */
export function durationOf(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  return lengthOf(ms)
}

/** A number of things: `1 tool`, `2 tools`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

/** How long ago an instant was, like `3m ago`. */
export function ago(instant: string, nowMs: number): string {
  return `${lengthOf(nowMs - Date.parse(instant))} ago`
}

/** When an instant will be, like `in 12m`, or that it is over. */
export function until(instant: string, nowMs: number): string {
  const ms = Date.parse(instant) - nowMs
  return ms > 0 ? `in ${lengthOf(ms)}` : 'expired'
}

/** The local time of day of an instant, to the millisecond, with its offset from UTC: `09:30:00.123 +02:00`. */
export function clock(instant: string): string {
  const date = new Date(instant)
  return `${timeOfDay(date)}.${pad(date.getMilliseconds(), 3)} ${offsetOf(date)}`
}

/** Local date and time of an instant, to the second, with its offset from UTC: `2026-11-22 09:30:00 +02:00`. */
export function dateAndClock(instant: string): string {
  return `${dateAndTime(instant)} ${zoneOf(instant)}`
}

/** The same without the offset, for where that is said once for many. */
export function dateAndTime(instant: string): string {
  const date = new Date(instant)
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${timeOfDay(date)}`
}

/** The offset of the local time from UTC at an instant: `+02:00`. */
export function zoneOf(instant: string): string {
  return offsetOf(new Date(instant))
}

/** The local date is the same; where it is not, a time of day would mislead. */
export function sameDay(one: string, other: string): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString()
}

/** A message with the instants in it (RFC 3339, UTC) as local times, so that people read one zone only. */
export function localTimes(message: string): string {
  return message.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (instant) => dateAndClock(instant))
}

function timeOfDay(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => pad(value)).join(':')
}

function offsetOf(date: Date): string {
  const minutes = -date.getTimezoneOffset()
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`
}

function pad(value: number, digits = 2): string {
  return String(value).padStart(digits, '0')
}

/**
 * Reads `--since` and `--until`.
 *
 * @throws CliError for what is no time, and where nothing can lie between the two
 */
export function timesOf(
  option: (name: string) => string | undefined,
  nowMs: number,
): { since: string | undefined; until: string | undefined } {
  const read = (name: string) => {
    const text = option(name)
    return text === undefined ? undefined : instantOf(text, name, nowMs)
  }
  const [since, until] = [read('since'), read('until')]
  if (since !== undefined && until !== undefined && since >= until) {
    throw new CliError(
      exits.usage,
      `--since ${option('since')} is not before --until ${option('until')}, so nothing lies between them`,
    )
  }
  return { since, until }
}

/**
 * Reads an instant people write: `2h` for two hours ago (s, m, h, d), or a date with or without a time.
 *
 * @throws CliError for anything else
 */
function instantOf(text: string, option: string, nowMs: number): string {
  const back = /^(\d{1,6})([smhd])$/.exec(text)
  const size = units.find(([unit]) => unit === back?.[2])?.[1]
  const ms = back && size ? nowMs - Number(back[1]) * size * 1000 : Date.parse(text)
  if (Number.isNaN(ms)) {
    throw new CliError(exits.usage, `--${option} ${text} is no time`, {
      next: 'write 15m, 2h or 7d for so long ago, or an instant like 2026-11-22T09:30:00Z',
    })
  }
  return new Date(ms).toISOString()
}
