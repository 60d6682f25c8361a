import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeConfig, type SettingRow } from '@countersign/config'
import { markdownTable } from './markdown-table.ts'

/** The settings of one service. */
export interface ServiceSettings {
  service: string
  rows: SettingRow[]
}

/**
 * Reads the settings of every service from its `src/config.ts`.
 *
 * @param root the repository's folder
 * @returns what was found, and what is wrong with the rest
 */
export async function readSettings(root: string): Promise<{ settings: ServiceSettings[]; problems: string[] }> {
  const settings: ServiceSettings[] = []
  const problems: string[] = []
  for (const folder of globSync('services/*', { cwd: root }).toSorted()) {
    const path = join(folder, 'src', 'config.ts')
    if (!existsSync(join(root, path))) {
      console.log(`docs: ${folder} has no src/config.ts yet, so its settings are left out`)
      continue
    }
    const { Settings } = (await import(pathToFileURL(join(root, path)).href)) as {
      Settings?: Parameters<typeof describeConfig>[0]
    }
    if (Settings && 'shape' in Settings) {
      settings.push({ service: folder.slice('services/'.length), rows: describeConfig(Settings) })
    } else {
      problems.push(
        `${path} exports no zod object named Settings, so its settings cannot be listed; rename what it exports`,
      )
    }
  }
  return { settings, problems }
}

/** The settings as a Markdown table: what all services have first, then the rest by service. */
export function settingsTable(settings: readonly ServiceSettings[]): string {
  const users = new Map<string, { row: SettingRow; services: string[] }>()
  for (const { service, rows } of settings) {
    for (const row of rows) {
      const key = JSON.stringify(row)
      const known = users.get(key)
      if (known) known.services.push(service)
      else users.set(key, { row, services: [service] })
    }
  }
  const all = [...users.values()].map(({ row, services }) => {
    const common = settings.length > 1 && services.length === settings.length
    const fallback = row.default === 'required' || row.default === '' ? row.default : `\`${row.default}\``
    return { common, cells: [`\`${row.variable}\``, common ? 'all' : services.join(', '), fallback, row.description] }
  })
  const ordered = [...all.filter(({ common }) => common), ...all.filter(({ common }) => !common)]
  return markdownTable(
    ['variable', 'service', 'default', 'what'],
    ordered.map(({ cells }) => cells),
  )
}
