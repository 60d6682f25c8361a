/** Percent-encoded dots and slashes: a server that decodes them would leave the folder after we looked. */
const encodedSeparator = /%(2e|2f|5c)/i

/**
 * True when a path, resolved by its text alone (`.`, `..`, repeated slashes), lies in a folder or is it. A relative path is taken
 * relative to the folder. Links are not followed: nobody here sees the server's disk.
 *
 * False for whatever another program could read differently: empty, with a NUL, a leading `~`, a backslash, or
 * percent-encoded dots or slashes.
 */
export function pathInside(path: string, folder: string): boolean {
  if (isDeceptive(path) || isDeceptive(folder)) return false
  const absolute = folder.startsWith('/')
  if (path.startsWith('/') && !absolute) return false
  const inner = resolve(path.startsWith('/') ? path : `${folder}/${path}`, absolute)
  const outer = resolve(folder, absolute)
  return inner !== undefined && outer !== undefined && outer.every((segment, index) => inner[index] === segment)
}

function isDeceptive(path: string): boolean {
  return (
    path === '' || path.startsWith('~') || path.includes('\0') || path.includes('\\') || encodedSeparator.test(path)
  )
}

/** The segments of a path; undefined when a relative one climbs above where it starts. */
function resolve(path: string, absolute: boolean): string[] | undefined {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') segments.push(segment)
    // The parent of the root is the root.
    else if (segments.pop() === undefined && !absolute) return undefined
  }
  return segments
}
