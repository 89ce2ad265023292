import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { limitsPage } from './runner/limits-page.ts'

/** The rules of docs/contributing.md that a linter does not know. */
const CHECKOUT = join(import.meta.dirname, '..')
const FILE_MAX_LINES = 400
const PROCEDURE_MAX_LINES = 150
const FORBIDDEN_FOLDERS = [
  'utils',
  'util',
  'helpers',
  'common',
  'lib',
  'misc',
  'shared',
  'manager',
  'managers',
]

function filesIn(folder: string, ends: string): string[] {
  return readdirSync(join(CHECKOUT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ends))
    .map((name) => join(folder, name))
    .sort()
}

function read(path: string): string {
  return readFileSync(join(CHECKOUT, path), 'utf8')
}

/** Modules that a file names: in imports of every form. */
function importsOf(text: string): string[] {
  const patterns = [
    /^(?:import|export)\b[^'"`;]*?\bfrom\s+'([^']+)'/gm,
    /^import\s+'([^']+)'/gm,
    /\bimport\(\s*'([^']+)'/g,
  ]
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!))
}

/** Folder -> row, from the table in docs/architecture.md: "5 nfsd | overlay". */
function importRows(page: string): Map<string, number> {
  const rows = new Map<string, number>()
  for (const [, row, folders] of page.matchAll(/^(\d+) ([a-z0-9]+(?: \| [a-z0-9]+)*)$/gm)) {
    for (const folder of folders!.split(' | ')) rows.set(folder, Number(row))
  }
  return rows
}

/** What is wrong with one import, or undefined. `from` and `to` are paths below src. */
function importFault(rows: Map<string, number>, from: string, to: string): string | undefined {
  const [folder, other] = [folderOf(from), folderOf(to)]
  if (folder === other) return undefined
  const [row, otherRow] = [rows.get(folder), rows.get(other)]
  if (row === undefined || otherRow === undefined) return `${from} imports ${to}: a folder without a row`
  return otherRow < row ? undefined : `${from} (row ${row}) imports ${to} (row ${otherRow})`
}

/** src/main.ts stands with the top row. */
function folderOf(path: string): string {
  return path.includes('/') ? path.split('/')[0]! : 'cli'
}

const sources = filesIn('src', '.ts')
const rows = importRows(read('docs/architecture.md'))

describe('source', () => {
  test('there is a row for every folder and a folder for every row', () => {
    const folders = readdirSync(join(CHECKOUT, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )
    expect([...rows.keys()].sort()).toEqual(folders.map((entry) => entry.name).sort())
  })

  test('imports go down only', () => {
    const faults: string[] = []
    for (const path of sources) {
      for (const module of importsOf(read(path))) {
        if (!module.startsWith('.')) continue
        const target = join(dirname(path), module)
        const fault = importFault(rows, relative('src', path), relative('src', target))
        if (fault !== undefined) faults.push(fault)
      }
    }
    expect(faults).toEqual([])
  })

  test('the rule itself: lower rows yes, the same and higher rows no', () => {
    expect(importFault(rows, 'nfsd/exports.ts', 'vfs/result.ts')).toBeUndefined()
    expect(importFault(rows, 'nfsd/exports.ts', 'nfsd/allow-list.ts')).toBeUndefined()
    expect(importFault(rows, 'overlay/view.ts', 'nfsd/exports.ts')).toContain('row 5')
    expect(importFault(rows, 'vfs/result.ts', 'daemon/compose.ts')).toContain('row 6')
    expect(
      importsOf(
        "import {\n  a,\n} from './a.ts'\nexport type { B } from './b.ts'\nconst c = import('./c.ts')",
      ),
    ).toEqual(['./a.ts', './b.ts', './c.ts'])
  })

  test('modules of ours are imported with their .ts, node modules with node:', () => {
    const faults: string[] = []
    for (const path of [...sources, ...filesIn('test', '.ts')]) {
      for (const module of importsOf(read(path))) {
        if (module.startsWith('.') && !/\.(ts|json)$/.test(module)) faults.push(`${path}: ${module}`)
      }
    }
    expect(faults).toEqual([])
  })

  test('only packages that package.json names for running', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
    const faults: string[] = []
    for (const path of sources) {
      for (const module of importsOf(read(path))) {
        const isOurs = module.startsWith('.') || module.startsWith('node:')
        if (!isOurs && !Object.hasOwn(dependencies, module)) faults.push(`${path}: ${module}`)
      }
    }
    expect(faults).toEqual([])
  })

  test(`a file has at most ${FILE_MAX_LINES} lines, a procedure's ${PROCEDURE_MAX_LINES}`, () => {
    const tooLong = [...sources, ...filesIn('test', '.ts')].filter((path) => {
      const isProcedure = /^src\/nfsd\/(nfs3|mount3|portmap2)\//.test(path)
      return read(path).split('\n').length - 1 > (isProcedure ? PROCEDURE_MAX_LINES : FILE_MAX_LINES)
    })
    expect(tooLong).toEqual([])
  })

  test('no barrels, and no folder whose name says nothing', () => {
    expect(sources.filter((path) => /\bindex\.ts$/.test(path))).toEqual([])
    const parts = new Set([...sources, ...filesIn('test', '.ts')].flatMap((path) => dirname(path).split('/')))
    expect(FORBIDDEN_FOLDERS.filter((name) => parts.has(name))).toEqual([])
  })

  test('a fast test stands where its source stands', () => {
    const stray = filesIn('test', '.test.ts')
      .map((path) => relative('test', path))
      .filter((path) => rows.has(path.split('/')[0]!))
      .filter((path) => !/\.(system|kernel)\.test\.ts$/.test(path))
      .filter((path) => !existsSync(join(CHECKOUT, 'src', dirname(path))))
    expect(stray).toEqual([])
  })
})

describe('documents', () => {
  const pages = [
    'README.md',
    ...['docs', 'deploy', 'appliance', 'bench'].flatMap((folder) => filesIn(folder, '.md')),
  ]

  test('every link to a file leads somewhere', () => {
    const broken: string[] = []
    for (const page of pages) {
      for (const [, target] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue
        if (!existsSync(join(CHECKOUT, dirname(page), target!))) broken.push(`${page}: ${target}`)
      }
    }
    expect(broken).toEqual([])
  })

  test('docs/limits.md has every limit of the source (npm run docs writes it)', () => {
    expect(read('docs/limits.md')).toBe(limitsPage())
  })

  test('every crash point is in docs/testing.md, and no other', async () => {
    const { CRASH_POINTS } = await import('../src/base/crash-points.ts')
    const listed = [...read('docs/testing.md').matchAll(/^\| `([a-z]+\.[a-z-]+)` \|/gm)].map(
      (match) => match[1]!,
    )
    expect(listed.toSorted()).toEqual([...CRASH_POINTS].toSorted())
  })

  test('decisions are numbered without a gap and say what they decide', () => {
    const decisions = filesIn('docs/decisions', '.md')
    decisions.forEach((path, index) => {
      expect(path).toMatch(new RegExp(`/${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`))
      expect(read(path)).toMatch(/^# \d{4} .+\n(?:.*\n)*Status: /)
    })
  })

  test('every direct dependency has a decision', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >
    const text = filesIn('docs/decisions', '.md').map(read).join('\n')
    const silent = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !text.includes(`\`${name}\``),
    )
    expect(silent).toEqual([])
  })

  test('no path of one machine and no address of a registry', () => {
    // Written so that this file does not find itself.
    const place = new RegExp(`(^|[^\\w])/(work|farm)/|https?://(regi${'stry'}|de${'b'})\\.`, 'm')
    const all = [...sources, ...filesIn('test', '.ts'), ...pages, 'package.json', 'package-lock.json']
    const faults = all.filter((path) => place.test(read(path)))
    expect(faults).toEqual([])
  })
})
