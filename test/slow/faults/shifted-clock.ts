import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../../helper.js'

/** Shifts the clock of a process and of its threads by the ms in a file. The service starts threads without preloaded modules. */
const SHIFTED = `
  import { readFileSync } from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  import threads from 'node:worker_threads'
  threads.Worker = class extends threads.Worker {
    constructor (script, options) { super(script, { ...options, execArgv: ['--import=' + import.meta.url] }) }
  }
  syncBuiltinESMExports()
  const RealDate = Date
  const now = () => RealDate.now() + Number(readFileSync(process.env.CLOCK_FILE, 'utf8'))
  globalThis.Date = class extends RealDate {
    constructor (...args) { args.length === 0 ? super(now()) : super(...args) }
    static now () { return now() }
  }`

/** A clock that a test can set, and the environment that gives it to a process. */
export async function shiftedClock (t: Pick<Test, 'teardown'>): Promise<{ env: NodeJS.ProcessEnv, set: (ms: number) => void }> {
  const file = join(await temporaryFolder(t), 'clock')
  const set = (ms: number) => { writeFileSync(file, String(ms)) }
  set(0)
  return { env: { CLOCK_FILE: file, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(SHIFTED)}` }, set }
}
