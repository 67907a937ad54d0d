import { mkdir, rm } from 'node:fs/promises'
import { build as bundle } from 'esbuild'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build, until } from '../helper.js'
import { NPM_TOOLS, PYTHON_TOOLS, runTool, withoutNpmTools, withoutPythonTools } from '../openapi/run-tool.js'

const DOCUMENT = '../../../openapi/openapi.json'
const GENERATED = 'test/openapi/tools/generated'
const EXPECTED = { decision: 'continue', accepted: 1, key: 'model=example,task=example', error: 'INVALID_INPUT' }

/** The clients read the context right after their first outcome, which may not be learned by then. */
async function serviceThatKnowsTheExample (t: Test): Promise<FastifyInstance> {
  const { app, send } = await build(t)
  const outcome = { generation_id: 'first', arm: 'control', context: { model: 'example', task: 'example' }, tokens: 96, em: 1, steps: [] }
  await send('POST', '/v1/outcomes', outcome)
  await until('the context is known', async () => (await send('GET', '/v1/contexts/model=example,task=example')).status === 200)
  return app
}

await rm(GENERATED, { recursive: true, force: true })
await mkdir(GENERATED, { recursive: true })

t.test('clients that npm packages generate compile, and work with a service', { skip: withoutNpmTools }, async (t) => {
  const app = await serviceThatKnowsTheExample(t)
  const env = { STOPGATE_URL: await app.listen({ port: 0 }) }
  await Promise.all([
    runTool(`${NPM_TOOLS}/openapi-typescript`, [DOCUMENT, '--output', 'generated/openapi-typescript.ts']),
    runTool(`${NPM_TOOLS}/openapi-ts`, ['--input', DOCUMENT, '--output', 'generated/hey-api', '--silent', '--no-log-file']),
    runTool(`${NPM_TOOLS}/orval`, ['--config', 'orval.config.js'], env),
  ])
  await runTool(`${process.cwd()}/node_modules/.bin/tsc`, ['--project', '.'])
  for (const name of ['use-openapi-typescript', 'use-hey-api', 'use-orval']) {
    const outfile = `${process.cwd()}/${GENERATED}/${name}.mjs`
    await bundle({ entryPoints: [`test/openapi/tools/${name}.ts`], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' })
    t.strictSame(JSON.parse(await runTool(process.execPath, [outfile], env)), EXPECTED, name)
  }
})

t.test('the client of openapi-python-client is complete, and works with a service', { skip: withoutPythonTools }, async (t) => {
  const app = await serviceThatKnowsTheExample(t)
  const env = { STOPGATE_URL: await app.listen({ port: 0 }), PATH: `${PYTHON_TOOLS}:${process.env.PATH}` }
  const said = await runTool(`${PYTHON_TOOLS}/openapi-python-client`, [
    'generate', '--path', DOCUMENT, '--meta', 'none', '--output-path', 'generated/stopgate_client',
  ], env)
  t.notMatch(said, /warning/i, 'nothing is left out')
  t.strictSame(JSON.parse(await runTool(`${PYTHON_TOOLS}/python`, ['use_openapi_python_client.py'], env)), EXPECTED)
})
