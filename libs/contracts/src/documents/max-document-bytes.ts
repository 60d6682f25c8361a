/** How large one file of documents may be, of any kind: larger ones are refused before they are read. */
export const maxDocumentBytes = 1024 * 1024
