import { z } from 'zod'

/** What is wrong with a document, and where. */
export const DocumentProblem = z.object({ file: z.string(), line: z.int(), column: z.int(), message: z.string() })
export type DocumentProblem = z.infer<typeof DocumentProblem>
