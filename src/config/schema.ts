import { z } from 'zod'
import { type ListenAddress, parseListenAddress } from './addresses.ts'
import { SettingProblem } from './setting-problem.ts'
import { oneOf, path, readBy, section, wholeNumber, yesOrNo } from './value-readers.ts'

export const DEFAULT_NFS_PORT = 2049
/** Views that one proxy serves. */
export const VIEWS_MAX = 4096
/** Networks in one allow list. */
export const ALLOW_MAX_NETWORKS = 256
const ID_MAX = 2 ** 32 - 1
const MIB_MAX = 1024 * 1024
const MS_MAX = 3_600_000

/** Checks of values that higher rows know how to read. Each throws an Error that says what is wrong and the fix. */
export interface ForeignChecks {
  /** nfs://HOST/PATH?… */
  nfsUrl(text: string): void
  /** ADDRESS/BITS */
  network(text: string): void
  viewName(text: string): void
}

export type ShadowPlace =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'nfs'; readonly url: string }

/** Who may use a view, and as whom. Every key here may stand at the top and in a view. */
export const ACCESS_RULES = ['allow', 'squash', 'anonUid', 'anonGid', 'readOnly', 'privilegedPort'] as const

/** Everything that can be set, with the keys of rowfs.yaml. What each is for: docs/configuration.md. */
export function settingsSchema(checks: ForeignChecks) {
  const nfsUrl = readBy((text) => checked(text, checks.nfsUrl))
  const network = readBy((text) => checked(text, checks.network))
  const allow = z.array(network).max(ALLOW_MAX_NETWORKS).optional()
  const accessRules = {
    allow,
    squash: oneOf(['none', 'root', 'all']).optional(),
    anonUid: wholeNumber('a user number', 0, ID_MAX).optional(),
    anonGid: wholeNumber('a group number', 0, ID_MAX).optional(),
    readOnly: yesOrNo.optional(),
    privilegedPort: yesOrNo.optional(),
  } satisfies Record<(typeof ACCESS_RULES)[number], unknown>
  return z.strictObject({
    base: nfsUrl.optional(),
    state: path.optional(),
    shadow: shadowPlace(checks).optional(),
    listen: listenAddress.optional(),
    portmap: yesOrNo.optional(),
    ...accessRules,
    views: z
      .record(z.string(), section(accessRules))
      .superRefine((all, context) => checkViewNames(checks, all, context))
      .optional(),
    cache: section({
      blocksMiB: wholeNumber('a size in MiB', 1, MIB_MAX).optional(),
      recheckMs: wholeNumber('a time in milliseconds', 0, MS_MAX).optional(),
    }).optional(),
    timeouts: section({
      imageMs: wholeNumber('a time in milliseconds', 1, MS_MAX).optional(),
      shadowMs: wholeNumber('a time in milliseconds', 1, MS_MAX).optional(),
    }).optional(),
    log: section({ level: oneOf(LOG_LEVELS).optional() }).optional(),
    export: section({
      directories: z.array(path).optional(),
      listen: listenAddress.optional(),
      state: path.optional(),
      allow,
      squash: accessRules.squash,
      allowAtime: yesOrNo.optional(),
    }).optional(),
  })
}

export type SettingsSchema = ReturnType<typeof settingsSchema>
export type WrittenSettings = z.output<SettingsSchema>

const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

const listenAddress = readBy((text): ListenAddress => parseListenAddress(text, DEFAULT_NFS_PORT))

/** A directory here, or the address of an NFS export. */
function shadowPlace(checks: ForeignChecks) {
  return readBy((text): ShadowPlace => {
    if (text.startsWith('nfs:')) return { kind: 'nfs', url: checked(text, checks.nfsUrl) }
    if (text !== '') return { kind: 'directory', path: text }
    throw new SettingProblem('it is empty; write a directory or nfs://HOST/PATH')
  })
}

function checked(text: string, check: (text: string) => void): string {
  try {
    check(text)
  } catch (error) {
    throw new SettingProblem((error as Error).message, { cause: error })
  }
  return text
}

/** Names are keys here: each is checked where it stands. */
function checkViewNames(checks: ForeignChecks, views: object, context: z.core.$RefinementCtx): void {
  const names = Object.keys(views)
  if (names.length > VIEWS_MAX) {
    context.addIssue({
      code: 'custom',
      message: `${names.length} views are too many; write at most ${VIEWS_MAX}`,
    })
  }
  for (const name of names) {
    try {
      checks.viewName(name)
    } catch (error) {
      context.addIssue({ code: 'custom', path: [name], message: (error as Error).message })
    }
  }
}
