// Runs each test file, or the named ones, many times beside two busy loops, and prints which failed how often:
// scripts/ci/busy node scripts/ci/steady.mjs [--times 20] [FILE ...]
// It needs a compiled tree (npm run compile). A file that passes every time is printed too, so that nothing is left unsaid.
import { parseArgs } from 'node:util'
import { quickTests, slowTests, namedTests } from '../test-files.mjs'
import { start } from '../run-program.mjs'

const { values: { times }, positionals } = parseArgs({ allowPositionals: true, options: { times: { type: 'string', default: '20' } } })
const suites = positionals.length > 0 ? namedTests(positionals) : new Map([...quickTests(), ...slowTests()])
const files = [...suites.values()].flat()

let unsteady = 0
for (const file of files) {
  const started = Date.now()
  const failed = []
  for (let run = 1; run <= Number(times); run++) {
    const { child, status } = start('tap', ['--reporter=tap', '--jobs=1', file], { output: 'pipe' })
    let output = ''
    child.stdout.on('data', (text) => { output += text })
    if (await status !== 0) failed.push(/^ *not ok .*$/m.exec(output)?.[0].trim() ?? 'its process failed')
  }
  if (failed.length > 0) unsteady++
  const seconds = (Date.now() - started) / 1000 / Number(times)
  console.log(`${failed.length} of ${times} failed  ${seconds.toFixed(1).padStart(6)} s each  ${file}${failed.map((line) => `\n    ${line}`).join('')}`)
}
console.log(`${files.length - unsteady} of ${files.length} files passed every time`)
process.exitCode = unsteady === 0 ? 0 : 1
