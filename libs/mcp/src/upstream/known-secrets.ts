/** Shorter ones would be found in what has nothing to do with them. */
export const minSecretLength = 8
/** A line of a longer secret, as of a key in PEM, is a secret of its own from this length on. */
const minLineLength = 16
/** As many values are looked for: all forms of what is secret now, and of what was secret before as many as there is room for. */
const maxKnown = 4096

/** Secrets that must not be seen in what a server answers; an old one is not forgotten when a new one takes its place. */
export class KnownSecrets {
  readonly #values = new Set<string>()
  #list: readonly string[] = []

  /**
   * Takes in all that is secret now; what was taken in before stays known, and where there is no room the oldest of it goes.
   *
   * @throws Error when what is secret now is too much to be looked for: it must not go unnoticed (I9)
   */
  take(current: readonly string[]): void {
    const values = new Set(current.filter((secret) => secret.length >= minSecretLength).flatMap(formsOf))
    if (values.size > maxKnown)
      throw new Error(
        `the secrets of the server come to ${values.size} values to keep out of its answers, over ${maxKnown}; ` +
          `every line of ${minLineLength} characters or more counts: give it fewer or shorter ones`,
      )
    for (const value of values) {
      this.#values.delete(value)
      this.#values.add(value)
    }
    for (const oldest of this.#values) {
      if (this.#values.size <= maxKnown) break
      this.#values.delete(oldest)
    }
    // Of two secrets one of which is part of the other, the longer one is taken out first.
    this.#list = [...this.#values].toSorted((a, b) => b.length - a.length)
  }

  get list(): readonly string[] {
    return this.#list
  }
}

function formsOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= minLineLength)
  return [secret, ...otherForms(secret), ...lines.flatMap((line) => [line, inJson(line)])]
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** As tools write it: in JSON inside of a text, in a URL, in a header, as a number that lost digits on its way through JSON. */
function otherForms(secret: string): string[] {
  const number = /^-?\d+(\.\d+)?$/.test(secret) ? Number(secret) : NaN
  return [
    ...(Number.isFinite(number) && String(number).length >= minSecretLength ? [String(number)] : []),
    inJson(secret),
    encodeURIComponent(secret.toWellFormed()),
    Buffer.from(secret).toString('base64'),
  ]
}
