// What one client, and all together, may make the server hold. All are hard; each has a test at it and one past it.

/** Longest RPC record: a WRITE of 1 MiB with room for its header, credential and handle. */
export const RPC_RECORD_MAX_BYTES = 1024 * 1024 + 64 * 1024
/** Most fragments of one record; clients send one, some libraries one per write of theirs. */
export const RPC_FRAGMENTS_MAX = 1024

/** Most connections of one listener. At it, an idle connection makes room for a new one, or the new one is refused. */
export const TCP_CONNECTIONS_MAX = 256
/** A connection with nothing to do for this long may be closed to make room for a new one (clients reconnect). */
export const TCP_IDLE_MS = 60_000
/** A connection that owes bytes (half a record) or does not take its replies is closed after this time without any. */
export const TCP_STALLED_MS = 60_000

/** Calls of one connection that are being worked on; more wait unread. */
export const CONNECTION_CALLS_MAX = 256
/** Replies of one connection that it has not taken; at it, no more of its calls are served. */
export const CONNECTION_UNSENT_MAX_BYTES = 4 * 1024 * 1024
/** Receive buffers of one connection whose calls are being worked on; at it, no more of its calls are served. */
export const CONNECTION_RECEIVE_MAX_BYTES = 8 * 1024 * 1024

/** Calls being worked on in all. At it, only connections that have none get one more each. */
export const SERVER_CALLS_MAX = 2048
/** Buffers in use in all: receive, reply and data. At it, only connections that use none get one more call each. */
export const SERVER_BUFFERS_MAX_BYTES = 256 * 1024 * 1024
/** Buffers not in use that are kept for the next call. */
export const FREE_BUFFERS_MAX_BYTES = 16 * 1024 * 1024

/** First size of a connection's receive buffer; it grows when a record is longer. */
export const RECEIVE_BUFFER_BYTES = 256 * 1024
/** A receive buffer for the longest record. */
export const LARGE_RECEIVE_BUFFER_BYTES = RPC_RECORD_MAX_BYTES + 64 * 1024
/** Size of a reply buffer. */
export const REPLY_BUFFER_BYTES = 256 * 1024
/** From here on replies go to the socket although more calls of the same input are waiting. */
export const REPLY_FLUSH_BYTES = 128 * 1024

/** UDP calls being worked on; more are dropped, which is what UDP clients expect. */
export const UDP_CALLS_MAX = 256
/** Largest UDP payload over IPv4. */
export const UDP_REPLY_MAX_BYTES = 65_507

/** How long `stop` waits for calls in flight and for replies to be taken. */
export const STOP_DRAIN_MS = 3000
/** How long a stopped connection waits for the client to close its side after the last reply. */
export const TCP_LINGER_MS = 500
