import { CountersignError } from '@countersign/contracts'

/**
 * Refuses requests that a foreign page could have sent by rebinding its name to this address: the Host header must be a name
 * served here, and an Origin header, where there is one, must be of the same host.
 *
 * @param port the port the connection came in on
 * @param served further Host header values, in lower case
 * @throws CountersignError `forbidden_host`
 */
export function checkHost(
  headers: { host?: string | undefined; origin?: string | undefined },
  port: number,
  served: readonly string[],
): void {
  const host = headers.host?.toLowerCase() ?? ''
  const loopback = ['localhost', '127.0.0.1', '[::1]'].flatMap((name) => [
    `${name}:${port}`,
    ...(port === 80 ? [name] : []),
  ])
  if (!loopback.includes(host) && !served.includes(host)) {
    throw new CountersignError(
      'forbidden_host',
      `the console does not answer to the host "${host.slice(0, 100)}"; use one it serves, or add this one to COUNTERSIGN_CONSOLE_HOSTS`,
    )
  }
  if (headers.origin !== undefined && hostOf(headers.origin) !== host) {
    throw new CountersignError(
      'forbidden_host',
      'the request comes from a page of another origin, which may not use the console',
    )
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
