// The schema of a study file for editors and other programs, as JSON Schema, draft 7.
import * as z from 'zod'
import { alternativesOf } from './choice.js'
import { studySchema } from './schema.js'

type JsonSchema = Readonly<Record<string, unknown>>

const converted = (schema: z.ZodType): JsonSchema => {
  const json: Record<string, unknown> = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      const alternatives = alternativesOf.get(zodSchema)
      if (alternatives === undefined) return
      const all = alternatives.map(converted)
      if (all.length === 1) Object.assign(jsonSchema, all[0], { ...jsonSchema })
      else jsonSchema.anyOf = all
    },
  })
  delete json.$schema
  return json
}

/** The JSON Schema of a study file. */
export const studyJsonSchema = (): JsonSchema => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'A study of onestep',
  ...converted(studySchema),
})
