import type { Logger } from '../base/logger.ts'
import { ServerUnavailableError } from '../vfs/faults.ts'
import type { LowerLayer } from '../vfs/lower-layer.ts'
import { type StateDirectory, StateRefusedError } from './state-directory.ts'

/** How often an image server that did not answer at the start is asked again which image it has. */
const CHECK_INTERVAL_MS = 5_000

export interface ImageCheck {
  readonly state: StateDirectory
  readonly lower: LowerLayer
  readonly url: string
  readonly logger: Logger
  /** Called when another image came up where ours was: not one call more may be served from it. */
  readonly onOther: (error: StateRefusedError) => void
}

/**
 * The image must be the one that the state directory was made on. One that does not answer now is believed to be it,
 * so that what is known can be served, and looked at when it answers. Throws StateRefusedError.
 */
export async function checkImage(stack: AsyncDisposableStack, check: ImageCheck): Promise<void> {
  if (await hasAnswered(check)) return
  check.logger.warn('the image server does not answer; going on with what is known of the image')
  const timer = setInterval(async () => {
    try {
      if (await hasAnswered(check)) clearInterval(timer)
    } catch (error) {
      if (error instanceof StateRefusedError) check.onOther(error)
      else check.logger.warn({ err: error }, 'the image could not be looked at')
    }
  }, CHECK_INTERVAL_MS)
  stack.defer(() => clearInterval(timer))
}

/** False: it does not answer, and we know from before which image it has. */
async function hasAnswered({ state, lower, url }: ImageCheck): Promise<boolean> {
  try {
    const { attributes } = await lower.root()
    state.adoptBase({ url, fsid: String(attributes.fsid), fileid: String(attributes.fileid) })
    return true
  } catch (error) {
    if (state.base === undefined || !(error instanceof ServerUnavailableError)) throw error
    return false
  }
}
