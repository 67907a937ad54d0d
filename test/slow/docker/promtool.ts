import { execFile, spawnSync } from 'node:child_process'
import type { Test } from 'tap'

const isInstalled = (...programs: string[]) => programs.every((program) => spawnSync(program, ['--version']).error === undefined)

/** For `t.test(name, { skip: withoutPrometheus }, ...)`: the reason to skip, or false. With CI set the tests fail instead. */
export const withoutPrometheus: string | false = isInstalled('promtool', 'prometheus') || process.env.CI
  ? false
  : 'promtool and prometheus are not on the PATH: apt-get install --no-install-recommends prometheus'
if (withoutPrometheus !== false) console.error(`SKIPPED: ${withoutPrometheus}`)

/** Alertmanager's program, by Debian's name or by its own. */
export const ALERTMANAGER = ['prometheus-alertmanager', 'alertmanager'].find((program) => isInstalled(program))

/** The same for Alertmanager. */
export const withoutAlertmanager: string | false = (isInstalled('amtool') && ALERTMANAGER !== undefined) || process.env.CI
  ? false
  : 'amtool and alertmanager are not on the PATH: apt-get install --no-install-recommends prometheus-alertmanager'
if (withoutAlertmanager !== false) console.error(`SKIPPED: ${withoutAlertmanager}`)

/** Fails with what promtool says, unless it finds nothing to complain of. */
export const promtoolAccepts = (t: Test, args: readonly string[], input = '') => accepts(t, 'promtool', args, input)

/** The same for amtool, of Alertmanager. */
export const amtoolAccepts = (t: Test, args: readonly string[]) => accepts(t, 'amtool', args)

async function accepts (t: Test, program: string, args: readonly string[], input = ''): Promise<void> {
  const { code, said } = await new Promise<{ code: unknown, said: string }>((resolve) => {
    const child = execFile(program, args, (error, stdout, stderr) => { resolve({ code: error?.code ?? 0, said: stdout + stderr }) })
    child.stdin!.end(input)
  })
  t.equal(code, 0, `${program} ${args.join(' ')}: ${said}`)
}
