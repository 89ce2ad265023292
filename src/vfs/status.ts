/**
 * The status names of NFSv3 (nfsstat3, RFC 1813 section 2.6), all of them, one to one: a proxy must not lose a
 * status. Their numbers are in protocols/nfs3/status.ts and nowhere else.
 */
export type FsStatus =
  | 'PERM' // not the owner, and not allowed to the owner's groups either
  | 'NOENT' // no such name
  | 'IO' // a hard error below, or damage found in the state directory
  | 'NXIO'
  | 'ACCES' // the permission bits say no
  | 'EXIST'
  | 'XDEV' // link or rename across views
  | 'NODEV'
  | 'NOTDIR'
  | 'ISDIR'
  | 'INVAL'
  | 'FBIG' // beyond MAX_FILE_SIZE_BYTES
  | 'NOSPC'
  | 'ROFS'
  | 'MLINK'
  | 'NAMETOOLONG' // over FILE_NAME_MAX_BYTES
  | 'NOTEMPTY'
  | 'DQUOT'
  | 'STALE' // ours, and gone for good
  | 'REMOTE'
  | 'BADHANDLE' // well formed, but never ours
  | 'NOT_SYNC' // SETATTR guard: ctime differs
  | 'BAD_COOKIE'
  | 'NOTSUPP'
  | 'TOOSMALL' // READDIR: not even one entry fits
  | 'SERVERFAULT'
  | 'BADTYPE' // MKNOD of a type that is not a special file
  | 'JUKEBOX' // cannot be answered now; the client waits and asks again
