import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NfsExport } from '../../src/nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'
import { NFS3_READ_PROCEDURES } from '../../src/nfsclient/nfs3-client.ts'
import { Nfs3LowerLayer } from '../../src/upstream/nfs3-lower-layer.ts'
import { lowerLayerSuite } from '../conformance/lower-layer-suite.ts'
import { ExportProcess } from '../exporter/export-process.ts'
import { seedTree } from '../model/seed-tree.ts'
import { Ganesha } from '../rig/ganesha.ts'
import { imageTree, writeTree } from '../rig/image-tree.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'

const layerAt = (url: string) => new Nfs3LowerLayer(new NfsExport(parseNfsUrl(url), NFS3_READ_PROCEDURES))

async function servedTree(tree: ReturnType<typeof seedTree>) {
  const directory = mkdtempSync(join(tmpdir(), 'rowfs-image-'))
  await writeTree(directory, tree)
  const ganesha = await Ganesha.start({ exports: [{ directory, readOnly: true }] })
  const dispose = async () => {
    await ganesha.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  return { directory, ganesha, dispose }
}

describeWithRigs('an image on nfs-ganesha', ['ganesha', 'image-tree'], () => {
  lowerLayerSuite('nfs-ganesha', imageTree(1), async (tree) => {
    const { directory, ganesha, dispose } = await servedTree(tree)
    return { layer: layerAt(ganesha.url(directory)), dispose }
  })

  test('found by its portmapper, over IPv4 and IPv6, and after the server was restarted', async () => {
    const { directory, ganesha, dispose } = await servedTree(seedTree(1))
    const layers = ['127.0.0.1', '[::1]', 'localhost'].map((host) =>
      layerAt(`nfs://${host}${directory}?portmapport=${ganesha.ports.portmap}`),
    )
    try {
      const roots = await Promise.all(layers.map((layer) => layer.root()))
      for (const root of roots) expect(root).toEqual(roots[0])
      await ganesha.restart()
      for (const layer of layers) expect(await layer.getattr(roots[0]!.handle)).toMatchObject({ ok: true })
    } finally {
      await Promise.all(layers.map((layer) => layer.close()))
      await dispose()
    }
  })

  test('a directory that is not exported is refused with what to do', async () => {
    const { directory, ganesha, dispose } = await servedTree(seedTree(1))
    const layer = layerAt(ganesha.url(`${directory}-other`))
    try {
      await expect(layer.root()).rejects.toThrow(/exports no directory|does not let us mount/)
    } finally {
      await layer.close()
      await dispose()
    }
  })

  test('a server that stops answering is waited for a bounded time, and answers go on when it does', async () => {
    const { directory, ganesha, dispose } = await servedTree(seedTree(1))
    const limits = { waitMaxMs: 1500, probeAfterMs: 300, silenceMaxMs: 600, waitMinMs: 100 }
    const nfsExport = new NfsExport(parseNfsUrl(ganesha.url(directory)), NFS3_READ_PROCEDURES, { limits })
    const layer = new Nfs3LowerLayer(nfsExport)
    try {
      const { handle } = await layer.root()
      await ganesha.pause()
      await expect(layer.getattr(handle)).rejects.toMatchObject({ status: 'JUKEBOX' })
      expect(nfsExport.state).toMatchObject({ state: 'down' })
      ganesha.resume()
      expect(await layer.getattr(handle)).toMatchObject({ ok: true })
      expect(nfsExport.state).toEqual({ state: 'up' })
    } finally {
      await layer.close()
      await dispose()
    }
  })
})

describeWithRigs('an image on rowfs export', ['image-tree'], () => {
  lowerLayerSuite('rowfs export', imageTree(1), async (tree) => {
    const folder = mkdtempSync(join(tmpdir(), 'rowfs-export-'))
    await writeTree(join(folder, 'image'), tree)
    const server = await ExportProcess.start(join(folder, 'state'), [`${join(folder, 'image')}:image`])
    const dispose = async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
    return {
      layer: layerAt(`nfs://127.0.0.1/image?nfsport=${server.port}&mountport=${server.port}`),
      dispose,
    }
  })
})
