import { readFileSync } from 'node:fs'
import t from 'tap'
import { NO_FOLLOW_UP } from '../../src/core/evidence/follow-up-counts.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { readPage } from './pages.js'

const { schemas } = JSON.parse(readFileSync('openapi/openapi.json', 'utf8')).components
const glossary = readPage('docs/reference/glossary.md')

/** Every value of the API's closed lists of words that describe decisions, contexts and training runs. */
const words: string[] = [
  ...['reason', 'scope', 'arm'].flatMap((field) => schemas.Decision.properties[field].enum),
  ...['status', 'mode'].flatMap((field) => schemas.Context.properties[field].enum),
]

t.test('the glossary defines the words of decisions and contexts', async (t) => {
  for (const word of words) t.match(glossary, new RegExp(`\\b${word}\\b`), word)
})

t.test('the glossary and the page on monitoring define each count of the follow-up', async (t) => {
  const counts = Object.keys(NO_FOLLOW_UP)
  t.ok(counts.length > 5, 'counts were found')
  const shown = Object.keys(schemas.FollowUp.properties)
  t.ok(shown.length > 5, 'the counts that a context shows were found')
  for (const name of [...counts, 'open', 'unprobed']) t.match(glossary, `\`${name}\``, name)
  const monitoring = readPage('docs/operate/monitoring.md')
  for (const name of new Set([...counts, ...shown])) t.match(monitoring, `\`${name}\``, name)
})

t.test('the glossary and the page on training runs list every verdict', async (t) => {
  const verdicts = /verdict.*?enum":(\[[^\]]+\])/.exec(JSON.stringify(schemas.SuiteOfRun))?.[1]
  for (const verdict of JSON.parse(verdicts ?? '[]')) {
    t.match(glossary, `\`${verdict}\``, verdict)
    t.match(readPage('docs/integrate/training-runs.md'), `| \`${verdict}\` |`, verdict)
  }
  t.ok(verdicts, 'verdicts were found')
})

t.test('the page on policies lists every field with its default', async (t) => {
  const page = readPage('docs/operate/policies.md')
  for (const [field, value] of Object.entries(DEFAULT_POLICY)) t.ok(page.includes(`| \`${field}\` | \`${JSON.stringify(value)}\` |`), field)
})
