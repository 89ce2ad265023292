import type { Caller } from '../../src/vfs/file-system.ts'
import { ALICE_UID, BOB_UID, SHARED_GID } from '../model/seed-tree.ts'

const address = '127.0.0.1'

export const ROOT: Caller = { uid: 0, gid: 0, gids: [], address }
export const ALICE: Caller = { uid: ALICE_UID, gid: ALICE_UID, gids: [], address }
export const BOB: Caller = { uid: BOB_UID, gid: BOB_UID, gids: [], address }
/** Nobody's friend. */
export const CAROL: Caller = { uid: 1002, gid: 1002, gids: [], address }

/** The group is the 16th, the last that AUTH_SYS carries. */
const SIXTEEN_GROUPS = [...Array.from({ length: 15 }, (_, index) => 3000 + index), SHARED_GID]
export const ALICE_SHARED: Caller = { ...ALICE, gids: SIXTEEN_GROUPS }
export const BOB_SHARED: Caller = { ...BOB, gids: SIXTEEN_GROUPS }
