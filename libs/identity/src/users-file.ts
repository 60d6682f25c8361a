import { z } from 'zod'
import { DnsLabel } from '@countersign/contracts'

/** One person or agent of a local users file. The token itself is nowhere but with its owner. */
export const User = z.strictObject({
  id: z.string().min(1).max(256),
  tenant: DnsLabel,
  groups: z.array(z.string().min(1)),
  /** SHA-256 of the bearer token, 64 hex digits. Tokens are 256 random bits, so a plain hash cannot be guessed back. */
  tokenSha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits'),
  expiresAt: z.iso.datetime().optional(),
})
export type User = z.infer<typeof User>

export const UsersFile = z.strictObject({ users: z.array(User) })
export type UsersFile = z.infer<typeof UsersFile>

/** The group whose members may call tools. */
export const agentsGroup = 'agents'
/** The group whose members may look at everything and resolve unknown calls. */
export const operatorsGroup = 'operators'
