import type { JsonObject } from '@countersign/contracts'
import { Ajv, MissingRefError } from 'ajv'
import addFormats from 'ajv-formats'
import { Renewed } from './renewed.ts'

/** As the official TypeScript SDK compiles them when it reads a list of tools. */
const compiler = new Renewed(() => {
  const ajv = new Ajv({
    strict: false,
    validateSchema: false,
    allErrors: true,
    addUsedSchema: false,
    logger: false,
    // What is referred to often is not copied as often: whether it compiles is the same.
    inlineRefs: false,
  })
  ;(addFormats as unknown as (ajv: Ajv) => unknown)(ajv)
  return ajv
})

/**
 * Why clients cannot compile the schema of what a tool gives; undefined when they can. For one that they cannot, the official TypeScript
 * SDK throws the whole list away. A schema that refers elsewhere is not shown to them, and so is none of these.
 */
export function outputSchemaProblem(schema: JsonObject): string | undefined {
  // Without its name, which another schema may have.
  const { $id: _name, ...anonymous } = schema
  const ajv = compiler.use()
  try {
    ajv.compile(anonymous)
    return undefined
  } catch (error) {
    if (error instanceof MissingRefError && !error.missingRef.startsWith('#')) return undefined
    return (error as Error).message.slice(0, 300)
  } finally {
    ajv.removeSchema(anonymous)
  }
}
