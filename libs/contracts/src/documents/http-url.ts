import { z } from 'zod'

/** An address in a document. No user or password in it: it is shown to people and kept, and credentials are named by file. */
export const HttpUrl = z
  .string()
  .max(2000)
  .regex(
    /^https?:\/\/[^\s/@?#]+([/?][^\s#]*)?$/,
    'must be an http or https URL without user, password or fragment; credentials go into files',
  )
  .refine((url) => URL.canParse(url), 'has a host, or a port, that cannot be asked')
