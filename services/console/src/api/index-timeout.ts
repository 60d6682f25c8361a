/** How long a question to the index of the audit log may take, in ms: longer than the index lets it. */
export const indexTimeoutMs = 15_000
