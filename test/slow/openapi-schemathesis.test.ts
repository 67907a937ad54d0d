import { readFile } from 'node:fs/promises'
import t from 'tap'
import { certify } from '../certify.js'
import { build, temporaryFolder } from '../helper.js'
import { PYTHON_TOOLS, runTool, withoutPythonTools as skip } from '../openapi/run-tool.js'

/**
 * Calls without a token are allowed here; and a predictor that was deleted is retired, and can still be read. Operations that may wait for
 * longer than the timeout of requests are left out below.
 */
const EXCLUDED = 'ignored_auth,use_after_free'
const DOCUMENT = '../../../openapi/openapi.json'

t.test('requests that Schemathesis makes of the document get no 5xx, and no reply outside its schema', { skip }, async (t) => {
  const built = await build(t)
  await certify(built)
  const { body: document } = await built.send('GET', '/openapi.json')
  const example = (path: string, method: string) => document.paths[path][method].requestBody.content['application/json'].example
  const predictor = '/v1/predictors/{name}'
  const checkpoints = '/v1/training-runs/{run}/checkpoints'
  await built.send('PUT', predictor.replace('{name}', 'gsm8k-v2') + '?reason=test', example(predictor, 'put'))
  await built.send('POST', checkpoints.replace('{run}', 'q-rl-7'), example(checkpoints, 'post'))
  const url = await built.app.listen({ port: 0 })
  const folder = await temporaryFolder(t)
  for (const [phase, ...limits] of [['fuzzing', '--max-examples', '8'], ['stateful', '--max-examples', '60', '--mode', 'positive']]) {
    const report = `${folder}/${phase}.json`
    const said = await runTool(`${PYTHON_TOOLS}/schemathesis`, [
      'run', DOCUMENT, '--url', url, '--phases', phase!, ...limits, '--seed', '1', '--no-shrink', '--exclude-checks', EXCLUDED,
      '--exclude-operation-id', 'followEvents', '--exclude-operation-id', 'listWantedLabels', '--request-timeout', '20', '--report', 'json', '--report-json-path', report,
    ], { PYTHONPATH: '.', STOPGATE_TOKEN: 'none' }).catch((error: Error) => error.message)
    const { operations, test_cases: cases, failures, errors } = JSON.parse(await readFile(report, 'utf8'))
    t.comment(`${phase}: ${cases.generated} cases, ${operations.tested} of ${operations.total} operations ${/API Links:.*/.exec(said)?.[0] ?? ''}`)
    t.same([failures.length, errors.length], [0, 0], said)
    t.ok(operations.tested > 8, `${phase} reaches ${operations.tested} operations`)
  }
})
