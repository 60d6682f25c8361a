import { execFileSync } from 'node:child_process'
import type { ContractFiles } from './compare-versions.ts'

/** The contract as an earlier commit had it, or why there is none to compare with. */
export type EarlierVersion = { commit: string; files: ContractFiles } | { none: string }

/**
 * The newest committed contract that differs from today's: what is being changed in the working tree, and, on a clean checkout
 * (CI), what the last commit changed.
 *
 * @param root the repository's folder
 */
export function earlierVersion(root: string, today: ContractFiles): EarlierVersion {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 26 })
  let commits: string[]
  try {
    commits = git('log', '--format=%H', '--max-count=20', '--', 'proto/schemas', 'proto/asyncapi.json').split('\n')
  } catch {
    return { none: 'there is no git repository here' }
  }
  for (const commit of commits.filter((line) => line !== '')) {
    const files = readContract(commit, git)
    if (files.size > 0 && !isSame(files, today)) return { commit, files }
  }
  return { none: 'no earlier version is committed' }
}

function readContract(commit: string, git: (...args: string[]) => string): ContractFiles {
  const paths = git('ls-tree', '-r', '--name-only', commit, '--', 'proto/schemas', 'proto/asyncapi.json').split('\n')
  const wanted = paths.filter((path) => path.endsWith('.json'))
  return new Map(wanted.map((path) => [path.slice('proto/'.length), git('show', `${commit}:${path}`)]))
}

function isSame(files: ContractFiles, today: ContractFiles): boolean {
  const contract = [...today].filter(([file]) => file.endsWith('.json'))
  return files.size === contract.length && contract.every(([file, text]) => files.get(file) === text)
}
