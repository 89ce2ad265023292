import type { Timestamp } from '../../src/base/clock.ts'
import type { NodeType } from '../../src/vfs/attributes.ts'
import type { Caller, Stability } from '../../src/vfs/file-system.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import type { Role } from './expected.ts'
import type { Call, Name } from './operation.ts'

/** How the tested server calls an object, as text: compared and handed back, never looked into. */
export type Handle = string

export interface SeenAttributes {
  readonly type: NodeType
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly usedBytes: number
  readonly rdevMajor: number
  readonly rdevMinor: number
  /** One for a view, and for no other view. */
  readonly fsid: bigint
  readonly fileid: bigint
  readonly atime: Timestamp
  readonly mtime: Timestamp
  readonly ctime: Timestamp
}

/** What came back from a call. The "before" of wcc_data is size, mtime and ctime over the wire. */
export interface Answer {
  readonly status: 'OK' | FsStatus
  readonly looks: Partial<Record<Role, Partial<SeenAttributes>>>
  /** What cannot be told, because the call may have been carried out twice. */
  readonly unsure?: readonly Role[]
  readonly handle?: Handle
  readonly data?: Uint8Array
  readonly eof?: boolean
  readonly target?: string
  readonly granted?: number
  readonly committed?: Stability
  /** Of WRITE and COMMIT, as text. */
  readonly verifier?: string
}

export interface SeenEntry {
  readonly name: Name
  readonly fileid: bigint
  readonly cookie: bigint
  readonly attributes: SeenAttributes | undefined
  readonly handle: Handle | undefined
}

export interface ListPage {
  readonly afterCookie: bigint
  /** In process the most entries; over the wire what the counts are made of. */
  readonly size: number
  readonly plus: boolean
}

export interface ListAnswer {
  readonly status: 'OK' | FsStatus
  readonly entries: readonly SeenEntry[]
  readonly eof: boolean
  readonly directory: SeenAttributes | undefined
}

/** Whatever answers the calls of one view: a FileSystem in this process, or a server at the end of a socket. */
export interface SubjectView {
  /** False: only what the port FileSystem takes (no FSINFO, no PATHCONF, no names that nfsd refuses). */
  readonly overTheWire: boolean
  root(): Promise<Handle>
  /** `call` names objects by handle where the operation has references. */
  perform(caller: Caller, call: Call, guardCtime: Timestamp | undefined): Promise<Answer>
  /** The call is under way when the server crashes, and the same bytes are sent again afterwards. */
  performAcross?(
    caller: Caller,
    call: Call,
    guardCtime: Timestamp | undefined,
    crash: () => Promise<void>,
  ): Promise<Answer>
  list(caller: Caller, directory: Handle, page: ListPage): Promise<ListAnswer>
}

/** The server: its views, and its ends. */
export interface Subject {
  view(name: string): Promise<SubjectView>
  /** Ends cleanly, or as by kill -9 or a power switch for the process alone, and starts again. */
  restart(how: 'clean' | 'kill'): Promise<void>
  /** What `rowfs view check` says of a view, in words; empty when all is well. */
  problems(view: string): Promise<readonly string[]>
  close(): Promise<void>
}
