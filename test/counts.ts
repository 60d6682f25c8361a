/** How a step of `npm test` ended. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** Where a package's tests leave their counts, in the package's folder; an output of its nx target. */
export const countsFile = '.test/counts.json'
