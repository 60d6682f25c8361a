/** Shorter ones would be found in what has nothing to do with them. */
export const minSecretLength = 8
/** A line of a longer secret, as of a key in PEM, is a secret of its own from this length on. */
const minLineLength = 16
const maxKnown = 4096

/** Secrets that must not be seen in what a server answers; an old one is not forgotten when a new one takes its place. */
export class KnownSecrets {
  readonly #values = new Set<string>()
  #list: readonly string[] = []

  add(secret: string): void {
    if (secret.length < minSecretLength) return
    const lines = secret.split(/\r?\n/).filter((line) => line.length >= minLineLength)
    for (const value of [secret, ...lines, ...otherForms(secret)]) this.#remember(value)
    // Of two secrets one of which is part of the other, the longer one is taken out first.
    this.#list = [...this.#values].toSorted((a, b) => b.length - a.length)
  }

  get list(): readonly string[] {
    return this.#list
  }

  #remember(value: string): void {
    this.#values.delete(value)
    this.#values.add(value)
    if (this.#values.size > maxKnown) this.#values.delete(this.#values.keys().next().value!)
  }
}

/** As tools write it: in JSON inside of a text, in a URL, in a header, as a number that lost digits on its way through JSON. */
function otherForms(secret: string): string[] {
  const number = /^-?\d+(\.\d+)?$/.test(secret) ? Number(secret) : NaN
  return [
    ...(Number.isFinite(number) && String(number).length >= minSecretLength ? [String(number)] : []),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret.toWellFormed()),
    Buffer.from(secret).toString('base64'),
  ]
}
