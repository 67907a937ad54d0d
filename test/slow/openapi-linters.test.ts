import t from 'tap'
import { NPM_TOOLS, runTool, withoutNpmTools as skip } from '../openapi/run-tool.js'

const DOCUMENT = '../../../openapi/openapi.json'
const QUIET = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }

t.test('Redocly has nothing to say about the document', { skip }, async (t) => {
  const report = await runTool(`${NPM_TOOLS}/redocly`, ['lint', DOCUMENT, '--config', '../../../openapi/redocly.yaml', '--format', 'json'], QUIET)
  const { totals, problems } = JSON.parse(report.slice(report.indexOf('{'), report.lastIndexOf('}') + 1))
  t.match(totals, { errors: 0, warnings: 0 }, JSON.stringify(problems, null, 2))
})

t.test('Spectral has nothing to say about the document', { skip }, async (t) => {
  const ruleset = '../../../openapi/spectral.yaml'
  t.match(await runTool(`${NPM_TOOLS}/spectral`, ['lint', DOCUMENT, '--ruleset', ruleset, '--fail-severity', 'hint']), /No results/)
})
