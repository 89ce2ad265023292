/** One key of rowfs.yaml and its flag. */
export interface SettingSpec {
  /** With dots: "cache.blocksMiB". */
  readonly key: string
  /** As commander reads it: "--cache-mib <n>"; "<dir[:name]...>" is an argument. */
  readonly flag: string
  /** The flag may be given often, and its values make a list. */
  readonly repeated?: true
  readonly what: string
  /** As it would be written in rowfs.yaml; undefined: there is none. */
  readonly default: unknown
}

const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128']
/** "nobody" and "nogroup" on Linux. */
const NOBODY = 65_534

/** What `rowfs proxy` can be told. */
export const PROXY_SETTINGS: readonly SettingSpec[] = [
  {
    key: 'base',
    flag: '--base <url>',
    what: 'the image: nfs://HOST/PATH?nfsport=N&mountport=N (without ports the portmapper of HOST is asked)',
    default: undefined,
  },
  {
    key: 'state',
    flag: '--state <dir>',
    what: 'the state directory: everything that must survive',
    default: undefined,
  },
  {
    key: 'shadow',
    flag: '--shadow <place>',
    what: 'where changed blocks live: a directory or nfs://HOST/PATH (default: STATE/shadow)',
    default: undefined,
  },
  {
    key: 'listen',
    flag: '--listen <host:port>',
    what: 'NFS and MOUNT answer here, on TCP and UDP; port 0 is any free one',
    default: '127.0.0.1:2049',
  },
  {
    key: 'portmap',
    flag: '--portmap',
    what: 'answer portmap v2 on port 111, or register with the portmapper that is there',
    default: false,
  },
  {
    key: 'views',
    flag: '--view <name[,key=value]>',
    repeated: true,
    what: 'a view to serve, with its own rules if it has some; may be given often',
    default: { default: {} },
  },
  {
    key: 'allow',
    flag: '--allow <cidr>',
    repeated: true,
    what: 'clients that may mount, for views without rules of their own; may be given often',
    default: LOOPBACK_NETWORKS,
  },
  {
    key: 'squash',
    flag: '--squash <who>',
    what: 'whose identity becomes the anonymous one: none, root or all',
    default: 'none',
  },
  { key: 'anonUid', flag: '--anon-uid <n>', what: 'the anonymous user', default: NOBODY },
  { key: 'anonGid', flag: '--anon-gid <n>', what: 'the anonymous group', default: NOBODY },
  { key: 'readOnly', flag: '--read-only', what: 'refuse every change with ROFS', default: false },
  {
    key: 'privilegedPort',
    flag: '--privileged-port',
    what: 'admit only calls from ports below 1024',
    default: false,
  },
  {
    key: 'cache.blocksMiB',
    flag: '--cache-mib <n>',
    what: 'memory for blocks of the image, shared by all views',
    default: 32,
  },
  {
    key: 'cache.recheckMs',
    flag: '--recheck-ms <n>',
    what: 'how long attributes of the image are believed; 0: for ever',
    default: 60_000,
  },
  {
    key: 'timeouts.imageMs',
    flag: '--image-timeout-ms <n>',
    what: 'how long a client waits for the image server before it is told to try again (JUKEBOX)',
    default: 15_000,
  },
  {
    key: 'timeouts.shadowMs',
    flag: '--shadow-timeout-ms <n>',
    what: 'the same for a shadow server',
    default: 15_000,
  },
  {
    key: 'log.level',
    flag: '--log-level <level>',
    what: 'silent, fatal, error, warn, info, debug or trace; JSON lines on standard error',
    default: 'info',
  },
]

/** What only `rowfs export` can be told. Directories are its arguments. */
const EXPORT_SETTINGS: readonly SettingSpec[] = [
  {
    key: 'export.directories',
    flag: '<dir[:name]...>',
    what: 'directories to export read-only, each as /NAME (default: its last part)',
    default: [],
  },
  {
    key: 'export.listen',
    flag: '--listen <host:port>',
    what: 'NFS and MOUNT answer here; port 0 is any free one',
    default: '127.0.0.1:2049',
  },
  {
    key: 'export.state',
    flag: '--state <dir>',
    what: 'keeps the key of the handles, so that they survive a restart (default: rowfs/export in $XDG_STATE_HOME)',
    default: undefined,
  },
  {
    key: 'export.allow',
    flag: '--allow <cidr>',
    repeated: true,
    what: 'clients that may mount; may be given often',
    default: LOOPBACK_NETWORKS,
  },
  {
    key: 'export.squash',
    flag: '--squash <who>',
    what: 'whose identity becomes the anonymous one: none, root or all',
    default: 'none',
  },
  {
    key: 'export.allowAtime',
    flag: '--allow-atime',
    what: 'serve although reading changes access times (as root it never does)',
    default: false,
  },
]

/** What commands that open no port can be told. */
export const STATE_SETTINGS: readonly SettingSpec[] = PROXY_SETTINGS.filter((spec) =>
  ['state', 'log.level'].includes(spec.key),
)

export const EXPORT_COMMAND_SETTINGS: readonly SettingSpec[] = [
  ...EXPORT_SETTINGS,
  ...PROXY_SETTINGS.filter((spec) => spec.key === 'log.level'),
]

export const ALL_SETTINGS: readonly SettingSpec[] = [...PROXY_SETTINGS, ...EXPORT_SETTINGS]
