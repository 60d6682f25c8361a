/** A test that says which requirements it proves. */
export interface Citation {
  requirement: string
  title: string
}

const declared = /\b(?:test|it|suite|describe)(\.\w+)?\(\s*(['"`])((?:\\.|(?!\2)[^\\])*)\2/g
const cited = /^([IR]\d+(?:, ?[IR]\d+)*):/

/** Reads the citations out of the text of a test file. Tests that are skipped or still to do prove nothing. */
export function citations(text: string): Citation[] {
  return [...text.matchAll(declared)].flatMap(([, modifier, , title = '']) => {
    const list = modifier === '.skip' || modifier === '.todo' ? undefined : cited.exec(title)?.[1]
    return (list ?? '').split(/, ?/).flatMap((requirement) => (requirement === '' ? [] : [{ requirement, title }]))
  })
}
