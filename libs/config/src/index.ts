export { commonSettings } from './common.ts'
export { ConfigError, describeConfig, envName, readConfig, type SettingRow } from './read-config.ts'
export { readTextFile } from './read-text-file.ts'
export { WatchedFile, type WatchOptions } from './watched-file.ts'
