import { z } from 'zod'
import { SettingProblem } from './setting-problem.ts'

/** A value that is read by `parse`, which throws SettingProblem. Flags give text, YAML may give numbers and booleans. */
export function readBy<Value>(parse: (text: string) => Value) {
  return z.union([z.string(), z.number(), z.boolean()]).transform((raw, context): Value => {
    try {
      return parse(String(raw))
    } catch (error) {
      if (!(error instanceof SettingProblem)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  })
}

export function oneOf<const Choice extends string>(choices: readonly Choice[]) {
  return readBy((text) => {
    const found = choices.find((choice) => choice === text)
    if (found !== undefined) return found
    throw new SettingProblem(`"${text}" is not known; write one of: ${choices.join(', ')}`)
  })
}

export function wholeNumber(unit: string, atLeast: number, atMost: number) {
  return readBy((text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= atLeast && value <= atMost) return value
    throw new SettingProblem(`"${text}" is not ${unit}; write a whole number from ${atLeast} to ${atMost}`)
  })
}

export const yesOrNo = readBy((text) => {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new SettingProblem(`"${text}" is neither true nor false; write one of them`)
})

export const path = readBy((text) => {
  if (text !== '' && !text.includes('\0')) return text
  throw new SettingProblem('it is empty; write the path of a directory')
})

/** A map of keys; one without any ("cache:" alone on its line) is an empty one. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.preprocess((raw) => raw ?? {}, z.strictObject(shape))
}
