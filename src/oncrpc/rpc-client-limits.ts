/** Every bound of a client. Tests shorten them; nothing else does. */
export interface RpcClientLimits {
  /**
   * A call without an answer for so long fails with ServerUnavailableError, whatever was tried meanwhile. While the
   * server is down the wait is counted from the moment it went down and not from the call, so that calls made one
   * after the other do not each wait the whole time.
   */
  readonly waitMaxMs: number
  /** A call that is made while the server is down waits at least this long: for one attempt to connect, or more. */
  readonly waitMinMs: number
  readonly connectTimeoutMs: number
  /** Nothing heard for so long while calls wait: a NULL call asks whether the server lives. */
  readonly probeAfterMs: number
  /** Nothing heard for so long while calls wait, not even the answer to that: the connection is made anew. */
  readonly silenceMaxMs: number
  readonly backOffMinMs: number
  readonly backOffMaxMs: number
  /** Calls under way at a time; further ones wait for a place, within the same bounded wait. */
  readonly inFlightMax: number
}

export const RPC_CLIENT_LIMITS: RpcClientLimits = {
  waitMaxMs: 15_000,
  waitMinMs: 1_500,
  connectTimeoutMs: 3_000,
  probeAfterMs: 2_500,
  silenceMaxMs: 5_000,
  backOffMinMs: 100,
  backOffMaxMs: 1_000,
  inFlightMax: 64,
}

/** Replies to one call that could not be read, after which it fails: a resend will not make the server say better. */
export const MALFORMED_REPLIES_MAX = 3
