import { isJsonObject, type Json } from '../json.ts'

/** One step of a path: a member, an element, all of them, or a member at any depth. */
export type PathStep =
  { kind: 'name'; name: string } | { kind: 'index'; index: number } | { kind: 'all' } | { kind: 'deep'; name: string }

/** A place in a JSON value: what holds it, and the key or index. */
export interface Place {
  holder: Json[] | { [key: string]: Json }
  key: string | number
  /** JSON Pointer (RFC 6901) from where the search began. */
  pointer: string
}

const token = /\.\.([A-Za-z_][\w-]*)|\.([A-Za-z_][\w-]*)|\.\*|\[\*\]|\[(\d+)\]|\['([^']+)'\]/y

/**
 * Reads a path: `$`, then any of `.name`, `['name']`, `[3]`, `[*]`, `.*` and `..name` (RFC 9535, that part of it). `$` alone has no steps.
 *
 * @throws Error saying where it is not one
 */
export function parseJsonPath(path: string): readonly PathStep[] {
  if (!path.startsWith('$')) throw new Error(`the path ${path} must begin with $`)
  const steps: PathStep[] = []
  for (let at = 1; at < path.length; at = token.lastIndex) {
    token.lastIndex = at
    const match = token.exec(path)
    if (!match) throw new Error(`the path ${path} cannot be read from "${path.slice(at)}" on`)
    const [, deep, name, index, quoted] = match
    if (deep !== undefined) steps.push({ kind: 'deep', name: deep })
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) })
    else if (name !== undefined || quoted !== undefined) steps.push({ kind: 'name', name: (name ?? quoted)! })
    else steps.push({ kind: 'all' })
  }
  return steps
}

/** The places a path names in a value, outermost first. */
export function findPlaces(value: Json, [step, ...rest]: readonly PathStep[], pointer = ''): Place[] {
  if (!step) return []
  return childrenOf(value, step).flatMap((place) => {
    const child = (place.holder as Record<string | number, Json>)[place.key]!
    const at = `${pointer}/${escaped(place.key)}`
    const here = step.kind !== 'deep' || step.name === place.key
    const found: Place[] = []
    if (here && rest.length === 0) found.push({ ...place, pointer: at })
    else if (here) found.push(...findPlaces(child, rest, at))
    if (step.kind === 'deep' && !(here && rest.length === 0)) found.push(...findPlaces(child, [step, ...rest], at))
    return found
  })
}

/** What a value holds that a step can lead to; a step that names one member looks at no other. */
function childrenOf(value: Json, step: PathStep): Omit<Place, 'pointer'>[] {
  if (Array.isArray(value)) {
    if (step.kind === 'name') return []
    if (step.kind === 'index') return step.index < value.length ? [{ holder: value, key: step.index }] : []
    return value.map((_, key) => ({ holder: value, key }))
  }
  if (!isJsonObject(value) || step.kind === 'index') return []
  if (step.kind === 'name') return Object.hasOwn(value, step.name) ? [{ holder: value, key: step.name }] : []
  return Object.keys(value).map((key) => ({ holder: value, key }))
}

/** A key as a step of a JSON Pointer. */
export function escaped(key: string | number): string {
  const name = String(key)
  return /[~/]/.test(name) ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name
}
