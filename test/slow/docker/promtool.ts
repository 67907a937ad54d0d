import { execFile, spawnSync } from 'node:child_process'
import type { Test } from 'tap'

const isInstalled = ['promtool', 'prometheus'].every((program) => spawnSync(program, ['--version']).error === undefined)

/** For `t.test(name, { skip: withoutPrometheus }, ...)`: the reason to skip, or false. With CI set the tests fail instead. */
export const withoutPrometheus: string | false = isInstalled || process.env.CI
  ? false
  : 'promtool and prometheus are not on the PATH: apt-get install --no-install-recommends prometheus'
if (withoutPrometheus !== false) console.error(`SKIPPED: ${withoutPrometheus}`)

/** Fails with what promtool says, unless it finds nothing to complain of. */
export async function promtoolAccepts (t: Test, args: readonly string[], input = ''): Promise<void> {
  const { code, said } = await new Promise<{ code: unknown, said: string }>((resolve) => {
    const child = execFile('promtool', args, (error, stdout, stderr) => { resolve({ code: error?.code ?? 0, said: stdout + stderr }) })
    child.stdin!.end(input)
  })
  t.equal(code, 0, `promtool ${args.join(' ')}: ${said}`)
}
