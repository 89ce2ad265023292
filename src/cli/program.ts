import { Command, CommanderError } from 'commander'
import { armCrashPoint } from '../base/crash-points.ts'
import { SettingsError } from '../config/setting-problem.ts'
import { EXPORT_COMMAND_SETTINGS, PROXY_SETTINGS } from '../config/setting-table.ts'
import { programVersion } from '../daemon/program-version.ts'
import { EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, ExitWith, UsageError } from './exit-codes.ts'
import { addSettingFlags } from './setting-flags.ts'
import { addStateFlags } from './state-option.ts'

const AS_JSON = ['--json', 'print JSON, for scripts'] as const

/** Runs one command line and gives its exit code: 0 done, 1 failed, 2 wrong use. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  try {
    armCrashPoint(process.env.ROWFS_CRASH_POINT)
    await makeProgram().parseAsync(argv, { from: 'user' })
    return EXIT_DONE
  } catch (error) {
    return reportFailure(error)
  }
}

function reportFailure(error: unknown): number {
  if (error instanceof ExitWith) return error.code
  // Commander has said what is wrong, or printed the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_WRONG_USE
  const isWrongUse = error instanceof UsageError || error instanceof SettingsError
  for (const line of messageOf(error).split('\n')) process.stderr.write(`rowfs: ${line}\n`)
  return isWrongUse ? EXIT_WRONG_USE : EXIT_FAILED
}

/** Errors of JavaScript itself: mistakes of ours, to be shown with their place. */
const MISTAKES = ['AssertionError', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']

/** What went wrong, in words, and what was behind it where the words do not say so. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Something failed, and closing what was open failed too: the first is why.
  if (error instanceof SuppressedError) return `${messageOf(error.suppressed)}\n${messageOf(error.error)}`
  const isSystem = typeof (error as NodeJS.ErrnoException).code === 'string'
  if (MISTAKES.includes(error.name) && !isSystem) return error.stack ?? error.message
  const { cause, message } = error
  return cause instanceof Error && !message.includes(cause.message)
    ? `${message} (${cause.message})`
    : message
}

function makeProgram(): Command {
  const program = new Command('rowfs')
    .description('Boot and run from a read-only image elsewhere; keep every change in a small local shadow.')
    .version(programVersion())
    .exitOverride()
    .showHelpAfterError('(add --help for what can be written)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'rowfs: ')) })
  addProxy(program)
  addExport(program)
  addView(program)
  addStatus(program)
  addConfig(program)
  addDemo(program)
  return program
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}

function addProxy(program: Command): void {
  const command = program.command('proxy').description('Serve writable views on a read-only image')
  addSettingFlags(command, PROXY_SETTINGS)
    .option('--shadow-moved', 'accept once that the changed blocks were moved to where --shadow says')
    .option(...AS_JSON)
    .addHelpText(
      'after',
      examples(
        "rowfs proxy --base 'nfs://server/images/debian' --state /var/lib/rowfs",
        "rowfs proxy --base 'nfs://server/images/debian?nfsport=2049&mountport=20048' --state s --listen 0.0.0.0:2049 \\",
        '  --allow 10.0.0.0/8 --view lab --view office,squash=all',
        "rowfs proxy --config /etc/rowfs.yaml --shadow 'nfs://127.0.0.1/shadow'",
      ),
    )
    .action(async (options, self: Command) => (await import('./proxy.ts')).proxy(options, self))
}

function addExport(program: Command): void {
  const command = program
    .command('export')
    .description('Serve directories of this machine as images, read-only')
    .argument('[dir[:name]...]', 'directories, each exported as /NAME (default: the last part of its path)')
  addSettingFlags(command, EXPORT_COMMAND_SETTINGS)
    .addHelpText(
      'after',
      examples(
        'rowfs export /srv/images/debian',
        'rowfs export /srv/debian:debian-12 /srv/other --listen 0.0.0.0:2049',
      ),
    )
    .action(async (texts: string[], _options, self: Command) =>
      (await import('./export-command.ts')).exportCommand(texts, self),
    )
}

function addView(program: Command): void {
  const view = program
    .command('view')
    .description('What the views changed; works while the proxy runs and while not')
  const add = (usage: string, what: string, example: string) =>
    addStateFlags(view.command(usage).description(what))
      .option(...AS_JSON)
      .addHelpText('after', examples(example))
  const actions = () => import('./view.ts')
  add('ls', 'list the views, with how much each changed', 'rowfs view ls --state /var/lib/rowfs').action(
    async (options, self: Command) => (await actions()).viewLs(options, self),
  )
  add(
    'show <name>',
    'how much one view changed',
    'rowfs view show default --state /var/lib/rowfs --json',
  ).action(async (name: string, options, self: Command) => (await actions()).viewShow(name, options, self))
  add(
    'diff <name>',
    'every path that differs from the image: A added, M modified, D removed, R renamed, P owner, mode or times, U in conflict',
    'rowfs view diff default --state /var/lib/rowfs',
  ).action(async (name: string, options, self: Command) => (await actions()).viewDiff(name, options, self))
  add(
    'reset <name> <path>',
    'give one file or directory, with all below it, back to the image; "/" is the whole view',
    'rowfs view reset default /etc/fstab --state /var/lib/rowfs',
  )
    .option('--base64', 'the path is base64, for names that are not UTF-8')
    .action(async (name: string, path: string, options, self: Command) =>
      (await actions()).viewReset(name, path, options, self),
    )
  add(
    'rm <name>',
    'remove a view and everything it changed',
    'rowfs view rm lab --state /var/lib/rowfs',
  ).action(async (name: string, options, self: Command) => (await actions()).viewRm(name, options, self))
  add(
    'check <name>',
    'verify every record and block of a view; exit code 1 when something is damaged',
    'rowfs view check default --state /var/lib/rowfs',
  ).action(async (name: string, options, self: Command) => (await actions()).viewCheck(name, options, self))
}

function addStatus(program: Command): void {
  const command = program
    .command('status')
    .description('What the running proxy does: clients, calls, bytes, image')
  addStateFlags(command)
    .option(...AS_JSON)
    .addHelpText('after', examples('rowfs status --state /var/lib/rowfs'))
    .action(async (options, self: Command) => (await import('./status.ts')).status(options, self))
}

function addConfig(program: Command): void {
  const config = program.command('config').description('The settings')
  const show = config.command('show').description('check the settings; show each with where it was said')
  addSettingFlags(show, PROXY_SETTINGS)
    .option(...AS_JSON)
    .addHelpText(
      'after',
      examples('rowfs config show --config /etc/rowfs.yaml', 'rowfs config show --squash all --json'),
    )
    .action(async (options, self: Command) => (await import('./config.ts')).configShow(options, self))
}

function addDemo(program: Command): void {
  program
    .command('demo')
    .description('Serve a sample image through a proxy on this machine, and show what happens (npm start)')
    .addHelpText('after', examples('rowfs demo'))
    .action(async () => (await import('./demo.ts')).demo())
}
