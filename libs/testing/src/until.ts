/**
 * Waits until a condition holds; tests never sleep.
 *
 * @param condition checked every few milliseconds; may throw, the last error is reported
 * @throws Error when it still does not hold after `timeoutMs`
 */
export async function until<T>(
  condition: () => Promise<T> | T,
  what: string,
  timeoutMs = 20_000,
): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value) return value as Exclude<T, false | 0 | '' | null | undefined>
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() >= deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
