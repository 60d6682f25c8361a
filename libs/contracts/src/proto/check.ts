import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareVersions, type ContractFiles } from './compare-versions.ts'
import { earlierVersion } from './earlier-version.ts'

/** What a check found: problems make it fail, notes are for people. */
export interface CheckResult {
  problems: string[]
  notes: string[]
}

/**
 * Checks that what is in `proto/` is what would be generated, and that it only adds to the last committed version. A break is let
 * through only when `CHANGES.md` names it, as `breaking: <file>#<pointer>`.
 *
 * @param root the repository's folder
 */
export function check(root: string, generated: ContractFiles): CheckResult {
  const dir = join(root, 'proto')
  const problems = [...differences(dir, generated)]
  const earlier = earlierVersion(root, generated)
  if ('none' in earlier) return { problems, notes: [`${earlier.none}, so only differences were looked for`] }
  const changes = join(dir, 'CHANGES.md')
  const announced = existsSync(changes) ? readFileSync(changes, 'utf8') : ''
  const notes = [`compared with the contract of commit ${earlier.commit.slice(0, 12)}`]
  for (const { file, at, why } of compareVersions(earlier.files, generated)) {
    const place = `${file}#${at}`
    if (announced.includes(`breaking: \`${place}\``)) notes.push(`announced break: ${place}: ${why}`)
    else {
      problems.push(
        `proto/${place}: ${why}, which is not additive; add a new version beside it, or announce it in proto/CHANGES.md with "breaking: \`${place}\`"`,
      )
    }
  }
  return { problems, notes }
}

function* differences(dir: string, generated: ContractFiles): Iterable<string> {
  const remedy = 'run "npm run proto" and commit what it writes'
  for (const [file, text] of generated) {
    const path = join(dir, file)
    if (!existsSync(path)) yield `proto/${file} is missing; ${remedy}`
    else if (readFileSync(path, 'utf8') !== text) yield `proto/${file} is not what the contracts say; ${remedy}`
  }
  const schemas = join(dir, 'schemas')
  for (const file of existsSync(schemas) ? readdirSync(schemas) : []) {
    if (!generated.has(`schemas/${file}`)) yield `proto/schemas/${file} is not generated any more; ${remedy}`
  }
}
