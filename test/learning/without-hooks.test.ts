import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

t.test('a thread does not run the modules that --import and NODE_OPTIONS have brought into the process', async (t) => {
  const hook = (name: string) => `--import=data:text/javascript,console.log('${name}')`
  const script = `
    const { WITHOUT_HOOKS } = await import(${JSON.stringify(new URL('../../src/learning/without-hooks.js', import.meta.url).href)})
    const { Worker } = await import('node:worker_threads')
    new Worker("console.log('thread')", { eval: true, ...WITHOUT_HOOKS })`
  const { stdout } = await promisify(execFile)(process.execPath, [hook('argument'), '--input-type=module', '--eval', script], { env: { ...process.env, NODE_OPTIONS: hook('environment') } })
  t.same(stdout.trim().split('\n').sort(), ['argument', 'environment', 'thread'], 'each hook runs once, in the process')
})
