/** The longest entry the format can hold: its length is a uint16. */
export const maxEntryBytes = 65_535

const lengthBytes = 2

/** Thrown for bytes that are not a bundle of so many entries; `offset` is where that shows. */
export class BadBundle extends Error {
  override name = 'BadBundle'
  readonly offset: number
  /** Place within the bundle of the entry that is cut or missing. */
  readonly place: number

  constructor(message: string, offset: number, place: number) {
    super(message)
    this.offset = offset
    this.place = place
  }
}

/**
 * Writes entries as a bundle: each with its length before it (C2SP tlog-tiles).
 *
 * @throws RangeError for an entry that is too long
 */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    if (entry.length > maxEntryBytes) {
      throw new RangeError(
        `an entry of ${entry.length} bytes is too long for the log, which holds ${maxEntryBytes}: store what is larger beside it`,
      )
    }
    parts.push(Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry)
  }
  return Buffer.concat(parts)
}

/** Bytes of an entry with its length before it. */
export function bytesInBundle(entryBytes: number): number {
  return lengthBytes + entryBytes
}

/** Reads one entry of a bundle; undefined for bytes that are not one entry with its length before it. */
export function decodeEntry(bytes: Buffer): Buffer | undefined {
  const entry = bytes.subarray(lengthBytes)
  return bytes.length >= lengthBytes && bytes.readUInt16BE() === entry.length ? entry : undefined
}

/**
 * Reads the entries of a bundle.
 *
 * @throws BadBundle when it is cut short or holds more
 */
export function decodeBundle(bytes: Buffer, width: number): { offset: number; entry: Buffer }[] {
  const entries: { offset: number; entry: Buffer }[] = []
  let at = 0
  for (let place = 0; place < width; place++) {
    const start = at + lengthBytes
    if (start > bytes.length) throw new BadBundle(`it ends where entry ${place} of ${width} should begin`, at, place)
    const end = start + bytes.readUInt16BE(at)
    if (end > bytes.length) throw new BadBundle(`entry ${place} of ${width} is cut short`, at, place)
    entries.push({ offset: at, entry: bytes.subarray(start, end) })
    at = end
  }
  if (at < bytes.length) throw new BadBundle(`${bytes.length - at} bytes follow its ${width} entries`, at, width)
  return entries
}
