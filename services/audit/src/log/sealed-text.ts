/** The canonical JSON of a `SealedRecord`. */
export function sealedText(index: number, leafHash: Buffer, record: string): string {
  return `{"index":${index},"leafHash":"${leafHash.toString('base64')}","record":${record}}`
}
