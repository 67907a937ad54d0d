// How the scripts of this folder start programs. npm starts each script in the root of the repository.
import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'

/** TypeScript 7, which compiles four times as fast as the `typescript` package, whose API ESLint needs. */
const TSC = 'node_modules/typescript-native/bin/tsc'

const env = { ...process.env, PATH: [join(process.cwd(), 'node_modules', '.bin'), process.env.PATH].join(delimiter) }

/**
 * Starts a program that shares this process's input and output.
 * @param more.env more environment variables
 * @param more.output 'pipe' for a program whose output this process reads
 * @returns the child process and its exit status, which is 1 where a signal ended it or where it could not start
 */
export function start (program, args = [], { env: moreEnv = {}, output = 'inherit' } = {}) {
  const child = spawn(program, args, { stdio: ['inherit', output, 'inherit'], env: { ...env, ...moreEnv } })
  const status = new Promise((resolve) => {
    child.once('error', (error) => { console.error(`${program}: ${error.message}`); resolve(1) })
    child.once('exit', (code) => resolve(code ?? 1))
  })
  return { child, status }
}

/** Runs a program to its end. If it fails, this script ends with the same exit status. */
export async function run (program, args = []) {
  const status = await start(program, args).status
  if (status !== 0) process.exit(status)
}

export const node = (...args) => run(process.execPath, args)

export const tsc = (...args) => node(TSC, ...args)

/** Starts a compiler that compiles again whenever the code changes. */
export const startWatching = (project) => start(process.execPath, [TSC, '-p', project, '--watch', '--preserveWatchOutput'])

/** Waits until one of several programs ends, then ends the others and this script. A signal to this script ends all of them. */
export async function untilOneEnds (...started) {
  const endAll = () => { for (const { child } of started) child.kill() }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, endAll)
  process.exitCode = await Promise.race(started.map(({ status }) => status))
  endAll()
}

/** The compiled file of a test file, for the arguments of `npm run test:one`: other arguments stay as they are. */
export const compiledTest = (argument) => argument.replace(/^(?:\.\/)?(?=(?:test|research)\/)/, 'dist/tests/').replace(/\.ts$/, '.js')
