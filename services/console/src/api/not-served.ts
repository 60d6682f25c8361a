import { CountersignError } from '@countersign/contracts'

/** A method and a path with `:name` for parameters. */
export interface RouteAt {
  method: string
  path: string
}

/**
 * What to say of a request that no route takes: the path is served with other methods, or nothing is served there.
 *
 * @param url path as it was asked for; a query does not matter
 * @returns `method_not_allowed` with `details.allow` (RFC 9110, section 15.5.6), or `not_found`
 */
export function notServed(routes: readonly RouteAt[], method: string, url: string): CountersignError {
  const path = url.split('?')[0]!
  const allow = [...new Set(routes.filter((route) => patternOf(route.path).test(path)).map((route) => route.method))]
  const asked = `${method} ${url.slice(0, 200)}`
  if (allow.length === 0)
    return new CountersignError('not_found', `nothing is served at ${asked}; the OpenAPI description has what is`)
  return new CountersignError(
    'method_not_allowed',
    `${asked} is not served, so nothing was done; this path is served with ${allow.join(' and ')}`,
    { details: { allow } },
  )
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`)
}
