import { z } from 'zod'
import { type ViewCatalog, ViewError, type ViewSummary } from '../overlay/view-catalog.ts'
import type { CheckReport } from '../overlay/view-check.ts'
import type { ViewChange } from '../overlay/view-diff.ts'
import type { ControlHandlers } from './control-server.ts'

/** A change as it crosses the control socket: paths are base64, since names are bytes. */
export type WireChange = Omit<ViewChange, 'path' | 'from'> & { readonly path: string; readonly from?: string }

/** Every request about views: what it is asked with and what it answers. */
export interface ViewRequests {
  'view.ls': { args: Record<never, never>; result: ViewSummary[] }
  'view.show': { args: { name: string }; result: ViewSummary }
  'view.diff': { args: { name: string }; result: WireChange[] }
  'view.reset': { args: { name: string; path: string }; result: { entries: number; nodes: number } }
  'view.rm': { args: { name: string }; result: null }
  'view.check': { args: { name: string }; result: CheckReport }
}

const named = z.strictObject({ name: z.string() })
const placed = z.strictObject({ name: z.string(), path: z.base64() })

/**
 * Answers requests about views from the catalog: in the running proxy and, when none runs, in the command itself.
 * `beforeRemove` takes a view out of service.
 */
export function viewHandlers(catalog: ViewCatalog, beforeRemove: (name: string) => void): ControlHandlers {
  return {
    'view.ls': () => catalog.list(),
    'view.show': (args) => catalog.show(named.parse(args).name),
    'view.diff': async (args) => (await catalog.diff(named.parse(args).name)).map(toWire),
    'view.reset': (args) => {
      const { name, path } = placed.parse(args)
      return catalog.reset(name, new Uint8Array(Buffer.from(path, 'base64')))
    },
    'view.rm': async (args) => {
      const { name } = named.parse(args)
      if (!catalog.has(name)) throw new ViewError(`there is no view "${name}"`)
      beforeRemove(name)
      await catalog.remove(name)
      return null
    },
    'view.check': (args) => catalog.check(named.parse(args).name),
  }
}

function toWire({ path, from, ...rest }: ViewChange): WireChange {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return { ...rest, path: base64(path), ...(from === undefined ? {} : { from: base64(from) }) }
}
