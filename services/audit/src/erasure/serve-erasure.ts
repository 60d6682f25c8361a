import { type Bus, type Serving, together } from '@countersign/bus'
import { CountersignError, type Principal, verbs } from '@countersign/contracts'
import { operatorsGroup } from '@countersign/identity'
import type { Erasure } from './erasure.ts'

/**
 * Answers what operators ask about erasing content. Each asks for their own tenant.
 *
 * @param erasure undefined where nothing is encrypted
 */
export function serveErasure(
  bus: Pick<Bus, 'serveApi'>,
  erasure: Erasure | undefined,
  onDefect: (error: unknown) => void,
): Serving {
  const by = ({ operator }: { operator: Principal }): Erasure => {
    if (!operator.groups.includes(operatorsGroup)) {
      throw new CountersignError('forbidden', `only members of ${operatorsGroup} may erase content; ask one of them`)
    }
    if (erasure) return erasure
    throw new CountersignError(
      'erasure_off',
      'audit was given no keys to encrypt with, so what is personal is sealed as it is and cannot be erased; set ' +
        'COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR and COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE, for what is sealed from then on',
    )
  }
  const serving = [
    bus.serveApi(verbs.audit.subject, (asked) => by(asked).subject(asked.operator, asked.subject), onDefect),
    bus.serveApi(verbs.audit.erase, (order) => by(order).erase(order), onDefect),
    bus.serveApi(verbs.audit.holds, (asked) => ({ holds: by(asked).holds(asked.operator) }), onDefect),
    bus.serveApi(verbs.audit.placeHold, (order) => by(order).placeHold(order), onDefect),
    bus.serveApi(verbs.audit.liftHold, (order) => by(order).liftHold(order), onDefect),
  ]
  return together(serving)
}
