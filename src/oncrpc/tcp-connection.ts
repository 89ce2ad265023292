import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'
import { assert } from '../base/assert.ts'
import { isPromise } from '../base/awaitable.ts'
import type { XdrMark, XdrWriter } from '../xdr/writer.ts'
import { CredentialCache } from './credential-cache.ts'
import {
  CONNECTION_CALLS_MAX,
  CONNECTION_RECEIVE_MAX_BYTES,
  CONNECTION_UNSENT_MAX_BYTES,
  REPLY_FLUSH_BYTES,
  TCP_LINGER_MS,
} from './limits.ts'
import { LAST_FRAGMENT, RECORD_MARK_BYTES, RecordAssembler, RecordMarkingError } from './record-marking.ts'
import { plainAddress, type RpcPeer } from './rpc-peer.ts'
import type { RpcServer } from './rpc-server.ts'
import type { ServerLoad } from './server-load.ts'

/** A write of at least this size asks to be told when the kernel has taken it; telling costs more than a small write. */
const TOLD_WRITE_MIN_BYTES = 16 * 1024

/** We look at what is unsent ourselves: the stream need not tell us when it is "full". */
const WRITE_HIGH_WATER_BYTES = 2 * CONNECTION_UNSENT_MAX_BYTES

/** Replies given to the socket that it has not passed on to the kernel: their buffers must not be touched. */
interface UnsentReplies {
  readonly writer: XdrWriter
  readonly dataBuffers: readonly Buffer[]
}

/**
 * One accepted TCP connection. The socket reads straight into the record assembler's buffer; all calls in one input
 * are served one after the other, and all replies to them leave in one write.
 *
 * A connection that is behind (calls in flight, replies not taken, buffers pinned) or finds the server overloaded is
 * stalled: it serves no further call and reads nothing until that is over.
 */
export class TcpConnection implements RpcPeer {
  readonly address: string
  readonly port: number
  readonly transport = 'tcp'
  readonly credentials = new CredentialCache()
  readonly #server: RpcServer
  readonly #load: ServerLoad
  readonly #socket: Socket
  readonly #assembler: RecordAssembler
  readonly #closed: (connection: TcpConnection) => void
  readonly #workAgain = () => this.#workIfStalled()
  /** Replies that are written and not yet given to the socket, and the buffers that hold their file data. */
  #writer: XdrWriter | undefined
  #dataBuffers: Buffer[] = []
  #replyMark: XdrMark = { position: 0, borrowed: 0 }
  #replyStartBytes = 0
  /** Oldest first. */
  #unsent: UnsentReplies[] = []
  #calls = 0
  #isWorking = false
  #isStalled = false
  #isStopping = false
  #inputEnded = false
  #flushScheduled = false
  #lingerTimer: NodeJS.Timeout | undefined
  #progress = { bytes: -1, atMs: 0 }

  /** Takes over the handle of an accepted socket. `closed` is called once, when only calls in flight are left of it. */
  constructor(accepted: Socket, server: RpcServer, closed: (connection: TcpConnection) => void) {
    this.#server = server
    this.#load = server.load
    this.#closed = closed
    this.address = plainAddress(accepted.remoteAddress ?? '')
    this.port = accepted.remotePort ?? 0
    this.#assembler = new RecordAssembler(this.#load)
    this.#socket = takeOver(accepted, {
      buffer: () => this.#assembler.space(),
      callback: (countBytes) => this.#received(countBytes),
    })
    this.#socket.on('end', () => this.#ended())
    // What went wrong on the wire is the client's to notice; 'close' follows.
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => this.#cleanUp())
    this.#socket.resume()
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  /** Nothing to do and nothing owed, in either direction. */
  get isIdle(): boolean {
    return this.#calls === 0 && this.#unsentBytes === 0 && !this.#assembler.hasPartialRecord
  }

  /** We wait for the peer: for the rest of a record, or for it to take its replies. */
  get isWaitingForPeer(): boolean {
    return this.#calls === 0 && !this.isIdle
  }

  /** For how long no byte has come or gone, as far as calls of this method have seen. */
  quietMs(nowMs: number): number {
    const bytes = this.#socket.bytesRead + this.#socket.bytesWritten - this.#socket.writableLength
    if (bytes !== this.#progress.bytes) this.#progress = { bytes, atMs: nowMs }
    return nowMs - this.#progress.atMs
  }

  beginReply(): XdrWriter {
    const writer = this.#writer ?? this.#load.takeWriter()
    this.#writer = writer
    this.#replyMark = writer.mark()
    this.#replyStartBytes = writer.lengthBytes
    writer.claim(RECORD_MARK_BYTES)
    return writer
  }

  endReply(dataBuffer: Buffer | undefined): void {
    const writer = this.#writer!
    const lengthBytes = writer.lengthBytes - this.#replyStartBytes - RECORD_MARK_BYTES
    writer.patchUint32(this.#replyMark.position, LAST_FRAGMENT + lengthBytes)
    if (dataBuffer !== undefined) this.#keepUntilSent(dataBuffer, writer)
    if (writer.lengthBytes >= REPLY_FLUSH_BYTES) this.#flush()
    else if (!this.#isWorking) this.#flushSoon()
  }

  cancelReply(): void {
    this.#writer!.rewind(this.#replyMark)
  }

  /**
   * Serves no further call; closes when those in flight are done and their replies taken. What the client sends
   * meanwhile is read and thrown away: closing a socket with unread input resets it, and the client loses replies.
   */
  stop(): void {
    this.#isStopping = true
    this.#socket.resume()
    this.#endIfDone()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  get #unsentBytes(): number {
    return this.#socket.writableLength + (this.#writer?.lengthBytes ?? 0)
  }

  get #mayServe(): boolean {
    const unsentBytes = this.#unsentBytes
    if (this.#isStopping || this.#socket.destroyed) return false
    if (this.#load.isOverloaded) return this.#calls === 0 && unsentBytes === 0
    return (
      this.#calls < CONNECTION_CALLS_MAX &&
      unsentBytes < CONNECTION_UNSENT_MAX_BYTES &&
      this.#assembler.pinnedBytes < CONNECTION_RECEIVE_MAX_BYTES
    )
  }

  #received(countBytes: number): boolean {
    if (this.#isStopping) return true
    this.#assembler.received(countBytes)
    this.#work()
    return true
  }

  #ended(): void {
    this.#inputEnded = true
    this.#endIfDone()
  }

  /** Serves what has come, as far as the limits allow, and sends the replies that are there. */
  #work(): void {
    let hasMore = true
    while (hasMore && this.#mayServe) {
      hasMore = this.#serveRecords()
      this.#flush()
    }
    if (!this.#mayServe) this.#stall()
  }

  /** True when it stopped at a limit, and there may be more. */
  #serveRecords(): boolean {
    this.#isWorking = true
    try {
      while (this.#mayServe) {
        if (!this.#assembler.next()) return false
        this.#serve()
      }
      return true
    } catch (error) {
      if (!(error instanceof RecordMarkingError)) throw error
      this.#socket.destroy()
      return false
    } finally {
      this.#isWorking = false
    }
  }

  #workIfStalled(): void {
    if (!this.#isStalled || !this.#mayServe) {
      // Still behind, or overloaded again: the same events will call again.
      if (this.#isStalled) this.#stall()
      return
    }
    this.#isStalled = false
    this.#work()
    if (!this.#isStalled) this.#socket.resume()
  }

  #stall(): void {
    if (this.#isStopping || this.#socket.destroyed) return
    this.#isStalled = true
    this.#socket.pause()
    if (this.#load.isOverloaded) this.#load.whenRelieved(this.#workAgain)
  }

  #serve(): void {
    const assembler = this.#assembler
    const done = this.#server.receive(this, assembler.bytes, assembler.recordStart, assembler.recordEnd)
    if (isPromise(done)) this.#finishLater(done)
    else if (!done) this.#socket.destroy()
  }

  async #finishLater(done: Promise<boolean>): Promise<void> {
    this.#calls += 1
    const buffer = this.#assembler.pin()
    await done
    this.#calls -= 1
    this.#assembler.unpin(buffer)
    this.#workIfStalled()
    this.#endIfDone()
  }

  /** File data of 64 KiB and more is sent from its own buffer; less has been copied into the reply. */
  #keepUntilSent(dataBuffer: Buffer, writer: XdrWriter): void {
    if (writer.mark().borrowed > this.#replyMark.borrowed) this.#dataBuffers.push(dataBuffer)
    else this.#load.giveBuffer(dataBuffer)
  }

  /** After everything else of this turn: calls that finish together are answered by one write. */
  #flushSoon(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    process.nextTick(() => {
      this.#flushScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    const writer = this.#writer
    if (writer === undefined) return
    this.#writer = undefined
    const replies: UnsentReplies = { writer, dataBuffers: this.#dataBuffers }
    if (this.#dataBuffers.length > 0) this.#dataBuffers = []
    if (this.#socket.destroyed || writer.lengthBytes === 0) {
      this.#release(replies)
      return
    }
    this.#write(replies)
    if (this.#socket.writableLength > 0) {
      this.#unsent.push(replies)
      return
    }
    this.#release(replies)
    if (this.#unsent.length > 0) this.#releaseUnsent(this.#unsent.length)
  }

  #write(replies: UnsentReplies): void {
    const parts = replies.writer.parts()
    const last = parts.pop()!
    if (parts.length > 0) {
      this.#socket.cork()
      for (const part of parts) this.#socket.write(part)
    }
    const isTold = this.#unsent.length > 0 || replies.writer.lengthBytes >= TOLD_WRITE_MIN_BYTES
    if (isTold) this.#socket.write(last, () => this.#taken(replies))
    else this.#socket.write(last)
    if (parts.length > 0) this.#socket.uncork()
  }

  /** The kernel has taken these replies, and all before them. */
  #taken(replies: UnsentReplies): void {
    this.#releaseUnsent(this.#unsent.indexOf(replies) + 1)
    this.#workIfStalled()
  }

  #releaseUnsent(count: number): void {
    for (const replies of this.#unsent.splice(0, count)) this.#release(replies)
  }

  #release({ writer, dataBuffers }: UnsentReplies): void {
    this.#load.giveWriter(writer)
    for (const buffer of dataBuffers) this.#load.giveBuffer(buffer)
  }

  #endIfDone(): void {
    if (this.#calls > 0 || !(this.#inputEnded || this.#isStopping)) return
    this.#flush()
    if (this.#inputEnded) this.#socket.destroySoon()
    else this.#socket.end(() => this.#linger())
  }

  /** Everything is said: the client closes its side now, or is not waited for. */
  #linger(): void {
    this.#lingerTimer = setTimeout(() => this.#socket.destroy(), TCP_LINGER_MS)
  }

  #cleanUp(): void {
    clearTimeout(this.#lingerTimer)
    this.#load.forget(this.#workAgain)
    this.#flush()
    this.#releaseUnsent(this.#unsent.length)
    this.#assembler.close()
    this.#closed(this)
  }
}

/**
 * The same connection as a socket that reads into our buffers. Node offers `onread` to sockets that connect and not
 * to those it accepts; giving the handle to a second socket is the only way to have it (measured: half the processor
 * time per WRITE). The first socket is left without a handle.
 */
function takeOver(accepted: Socket, onread: OnReadOpts): Socket {
  const holder = accepted as unknown as { _handle: object | null }
  const handle = holder._handle
  assert(handle !== null, 'an accepted socket has a handle')
  holder._handle = null
  const options = { handle, onread, allowHalfOpen: true, writableHighWaterMark: WRITE_HIGH_WATER_BYTES }
  const socket = new Socket(options as SocketConstructorOpts)
  accepted.destroy()
  return socket
}
