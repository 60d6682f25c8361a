import type { IncomingHttpHeaders } from 'node:http'
import { CountersignError } from '@countersign/contracts'

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Refuses requests that a web page could have made a browser send here (DNS rebinding): the Host must be one this endpoint is
 * known by, and so must the Origin, when there is one.
 *
 * @param allowed further hosts, with port where it is not the scheme's
 * @throws CountersignError `forbidden_host`
 */
export function checkOrigin(headers: IncomingHttpHeaders, allowed: ReadonlySet<string>): void {
  const { host, origin } = headers
  if (!isAllowed(host, allowed)) {
    throw new CountersignError(
      'forbidden_host',
      `the Host header ${JSON.stringify(host ?? '')} is not one this gateway serves; add it to COUNTERSIGN_GATEWAY_HOSTS`,
    )
  }
  if (origin !== undefined && !isAllowed(hostOfOrigin(origin), allowed)) {
    throw new CountersignError(
      'forbidden_host',
      `the Origin ${JSON.stringify(origin.slice(0, 100))} may not call this gateway`,
    )
  }
}

function isAllowed(host: string | undefined, allowed: ReadonlySet<string>): boolean {
  return host !== undefined && (allowed.has(host) || loopback.has(host.replace(/:\d+$/, '')))
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
