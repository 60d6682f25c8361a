import { CountersignError } from '@countersign/contracts'

const loopback = ['localhost', '127.0.0.1', '[::1]']

/** Where an endpoint is known under. */
export interface Served {
  /** Further Host header values, from `readHosts`. */
  hosts: ReadonlySet<string>
  /** The setting they come from, for the message of a refusal. */
  setting: string
}

/**
 * Refuses requests that a foreign page could have made a browser send by rebinding its name to this address: the Host header must
 * be a name served here, with the port the request came in on, and an Origin header, where there is one, must be of that very host.
 *
 * @param port the port of this end of the connection
 * @throws CountersignError `forbidden_host`
 */
export function checkHost(
  headers: { host?: string | undefined; origin?: string | undefined },
  port: number,
  served: Served,
): void {
  const host = headers.host?.toLowerCase() ?? ''
  if (!isLoopback(host, port) && !served.hosts.has(host)) {
    throw new CountersignError(
      'forbidden_host',
      `the host ${JSON.stringify(host.slice(0, 100))} is not served here; use an address that is, or add this one to ${served.setting}`,
    )
  }
  if (headers.origin !== undefined && !isOriginOf(headers.origin, host)) {
    throw new CountersignError(
      'forbidden_host',
      `the request comes from a page of another origin (${JSON.stringify(headers.origin.slice(0, 100))}), and such pages are not served`,
    )
  }
}

/** Reads a setting with Host header values, separated by commas. */
export function readHosts(setting: string): ReadonlySet<string> {
  const hosts = setting.split(',').map((host) => host.trim().toLowerCase())
  return new Set(hosts.filter((host) => host !== ''))
}

function isLoopback(host: string, port: number): boolean {
  return loopback.some((name) => host === `${name}:${port}` || (port === 80 && host === name))
}

/** True for `scheme://host` of HTTP and nothing else; `https://a` is of the host `a:443` too. */
function isOriginOf(origin: string, host: string): boolean {
  const scheme = /^(https?:\/\/)[^/?#@\\\s,]+$/i.exec(origin)?.[1]
  if (scheme === undefined || !URL.canParse(origin) || !URL.canParse(scheme + host)) return false
  return new URL(origin).origin === new URL(scheme + host).origin
}
