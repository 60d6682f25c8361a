import { emptyRoot, nodeHash } from './hash.ts'

/** The right edge of a growing tree: a hash for each complete subtree, as many as the size has bits set. */
export class Frontier {
  /** By height; undefined where the size has no bit. */
  readonly #nodes: (Buffer | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /**
   * Adds a leaf, or a complete subtree.
   *
   * @param height of the subtree; the size so far must be a multiple of its leaves
   */
  add(node: Buffer, height = 0): void {
    let at = height
    let carried = node
    for (let left = this.#nodes[at]; left; left = this.#nodes[at]) {
      carried = nodeHash(left, carried)
      this.#nodes[at++] = undefined
    }
    this.#nodes[at] = carried
    this.#size += 2 ** height
  }

  /** @param rest root of the leaves that follow and are not added; fewer than the smallest subtree added */
  root(rest?: Buffer): Buffer {
    let root = rest
    for (const node of this.#nodes) if (node) root = root ? nodeHash(node, root) : node
    return root ?? emptyRoot
  }
}
