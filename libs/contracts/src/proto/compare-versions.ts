import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import { type Break, findBreaks } from './find-breaks.ts'
import { wireSchemas } from './wire-schemas.ts'

/** A break with the file it is in, relative to `proto/`. */
export interface FileBreak extends Break {
  file: string
}

/** Files of the contract by path relative to `proto/`. */
export type ContractFiles = ReadonlyMap<string, string>

export const asyncApiFile = 'asyncapi.json'

/** Compares an earlier contract with today's: what is not additive. */
export function compareVersions(before: ContractFiles, after: ContractFiles): FileBreak[] {
  const machineReadable = [...before].filter(([file]) => file.endsWith('.json'))
  return machineReadable.flatMap(([file, text]) => {
    const now = after.get(file)
    if (now === undefined) return [{ file, at: '/', why: 'the file was removed' }]
    const [old, current] = [JSON.parse(text), JSON.parse(now)] as [JsonObject, JsonObject]
    const breaks = file === asyncApiFile ? findRemoved(old, current) : findBreaks(old, current, isMessage(file))
    return breaks.map((each) => ({ file, ...each }))
  })
}

function isMessage(file: string): boolean {
  return !wireSchemas.some(({ name, role }) => role === 'document' && file === `schemas/${name}.json`)
}

/** Channels, their addresses, parameters and messages, and operations may be added, never taken away or changed. */
function findRemoved(before: JsonObject, after: JsonObject): Break[] {
  const bound: Json[][] = []
  for (const kind of ['channels', 'operations']) {
    for (const [id, item] of Object.entries(members(before[kind]))) {
      bound.push([kind, id])
      for (const key of ['address', 'action', 'channel']) if (members(item)[key]) bound.push([kind, id, key])
      for (const key of ['parameters', 'messages']) {
        for (const name of Object.keys(members(members(item)[key]))) bound.push([kind, id, key, name])
      }
    }
  }
  return (bound as string[][]).flatMap((path) => {
    const [old, now] = [follow(before, path), follow(after, path)]
    const at = `/${path.join('/')}`
    if (now === undefined) return [{ at, why: `it was removed` }]
    const fixed = ['address', 'action', 'channel'].includes(path.at(-1)!)
    return fixed && JSON.stringify(old) !== JSON.stringify(now) ? [{ at, why: 'it was changed' }] : []
  })
}

function follow(value: Json, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((inner, key) => members(inner)[key], value)
}

function members(value: Json | undefined): JsonObject {
  return isJsonObject(value) || Array.isArray(value) ? (value as JsonObject) : {}
}
