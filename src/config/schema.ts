import { z } from 'zod'
import { formatAddress, formatNfsUrl, parseListenAddress, parseNetwork, parseNfsUrl } from './addresses.ts'
import { SettingProblem } from './setting-problem.ts'

export const DEFAULT_NFS_PORT = 2049
export const VIEW_NAME_MAX_CHARACTERS = 64
/** Views that one proxy serves. */
export const VIEWS_MAX = 4096
/** Networks in one allow list. */
export const ALLOW_MAX_NETWORKS = 256
const ID_MAX = 2 ** 32 - 1
const MIB_MAX = 1024 * 1024
const MS_MAX = 3_600_000

/** A value that is read by `parse`, which throws SettingProblem. Flags give text, YAML may give numbers and booleans. */
function readBy<Value>(parse: (text: string) => Value) {
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

function oneOf<const Choice extends string>(choices: readonly Choice[]) {
  return readBy((text) => {
    const found = choices.find((choice) => choice === text)
    if (found === undefined)
      throw new SettingProblem(`"${text}" is not known; write one of: ${choices.join(', ')}`)
    return found
  })
}

function wholeNumber(unit: string, atLeast: number, atMost: number) {
  return readBy((text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < atLeast || value > atMost) {
      throw new SettingProblem(`"${text}" is not ${unit}; write a whole number from ${atLeast} to ${atMost}`)
    }
    return value
  })
}

const yesOrNo = readBy((text) => {
  if (text !== 'true' && text !== 'false')
    throw new SettingProblem(`"${text}" is neither true nor false; write one of them`)
  return text === 'true'
})

const path = readBy((text) => {
  if (text === '' || text.includes('\0'))
    throw new SettingProblem('it is empty; write the path of a directory')
  return text
})

export type ShadowPlace =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'nfs'; readonly url: string }

const nfsUrl = readBy((text) => formatNfsUrl(parseNfsUrl(text)))
const listenAddress = readBy((text) => formatAddress(parseListenAddress(text, DEFAULT_NFS_PORT)))
/** A directory here, or the address of an NFS export. */
const shadowPlace = readBy((text): ShadowPlace => {
  if (text.startsWith('nfs:')) return { kind: 'nfs', url: formatNfsUrl(parseNfsUrl(text)) }
  if (text === '') throw new SettingProblem('it is empty; write a directory or nfs://HOST/PATH')
  return { kind: 'directory', path: text }
})

/** Who may use a view, and as whom. */
const accessRules = {
  allow: z.array(readBy(parseNetwork)).max(ALLOW_MAX_NETWORKS).optional(),
  squash: oneOf(['none', 'root', 'all']).optional(),
  anonUid: wholeNumber('a user number', 0, ID_MAX).optional(),
  anonGid: wholeNumber('a group number', 0, ID_MAX).optional(),
  readOnly: yesOrNo.optional(),
  privilegedPort: yesOrNo.optional(),
}

/** The rules that a view may have of its own; without, those at the top hold. */
export const ACCESS_RULES = Object.keys(accessRules)

const VIEW_NAME = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${VIEW_NAME_MAX_CHARACTERS - 1}}$`)

/** The name of a view is the name of its export, of a key in rowfs.yaml and of files: so it is kept plain. */
export function parseViewName(text: string): string {
  if (VIEW_NAME.test(text)) return text
  throw new SettingProblem(
    `"${text}" is not a name for a view; write 1 to ${VIEW_NAME_MAX_CHARACTERS} letters, digits, ".", "_" or "-", with a letter or digit first`,
  )
}

/** A map of keys; one without any ("cache:" alone on its line) is an empty one. */
function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.preprocess((raw) => raw ?? {}, z.strictObject(shape)).optional()
}

const views = z
  .record(
    z.string(),
    z.preprocess((raw) => raw ?? {}, z.strictObject(accessRules)),
  )
  .superRefine((record, context) => {
    const names = Object.keys(record)
    if (names.length > VIEWS_MAX) {
      context.addIssue({
        code: 'custom',
        message: `${names.length} views are too many; write at most ${VIEWS_MAX}`,
      })
    }
    for (const name of names) {
      try {
        parseViewName(name)
      } catch (error) {
        context.addIssue({ code: 'custom', path: [name], message: (error as Error).message })
      }
    }
  })

/** Everything that can be set, with the keys of rowfs.yaml. What each is for: docs/configuration.md. */
export const settingsSchema = z.strictObject({
  base: nfsUrl.optional(),
  state: path.optional(),
  shadow: shadowPlace.optional(),
  listen: listenAddress.optional(),
  portmap: yesOrNo.optional(),
  ...accessRules,
  views: views.optional(),
  cache: section({
    blocksMiB: wholeNumber('a size in MiB', 1, MIB_MAX).optional(),
  }),
  timeouts: section({
    imageMs: wholeNumber('a time in milliseconds', 1, MS_MAX).optional(),
    shadowMs: wholeNumber('a time in milliseconds', 1, MS_MAX).optional(),
  }),
  log: section({
    level: oneOf(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']).optional(),
  }),
  export: section({
    directories: z.array(path).optional(),
    listen: listenAddress.optional(),
    state: path.optional(),
    allow: accessRules.allow,
  }),
})

export type WrittenSettings = z.output<typeof settingsSchema>
