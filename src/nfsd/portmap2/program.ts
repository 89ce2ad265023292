import { type Handlers, type ProgramVersion, serveProgram } from '../../oncrpc/procedure.ts'
import {
  PORTMAP2_PROCEDURES,
  PORTMAP2_PROGRAM,
  PORTMAP2_VERSION,
} from '../../protocols/portmap2/procedures.ts'
import type { Registrations } from './registrations.ts'

/** What the port mapper program is made with. */
export interface Portmap2Context {
  readonly registrations: Registrations
}

/** RFC 1833 section 3.2. Other programs cannot register here: this port mapper is for what we serve. */
const HANDLERS: Handlers<Portmap2Context, typeof PORTMAP2_PROCEDURES> = {
  NULL: () => undefined,
  SET: () => false,
  UNSET: () => false,
  GETPORT: ({ context }, wanted) => context.registrations.portOf(wanted),
  DUMP: ({ context }) => context.registrations.list(),
}

/** Port mapper version 2 over a table of registrations, for an RPC server. */
export function portmap2Program(context: Portmap2Context): ProgramVersion {
  return serveProgram({
    program: PORTMAP2_PROGRAM,
    version: PORTMAP2_VERSION,
    table: PORTMAP2_PROCEDURES,
    handlers: HANDLERS,
    context,
  })
}
