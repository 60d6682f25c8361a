import type { ExportTarget } from '@countersign/contracts'
import type { Driver } from '../driver.ts'
import { otlp } from './otlp.ts'
import { s3 } from './s3.ts'
import { syslog } from './syslog.ts'
import { webhook } from './webhook.ts'

/** The driver for a target. */
export function makeDriver(target: ExportTarget, now: () => number): Driver {
  switch (target.type) {
    case 'webhook':
      return webhook(target, now)
    case 'otlp':
      return otlp(target)
    case 'syslog':
      return syslog(target)
    case 's3':
      return s3(target)
  }
}
