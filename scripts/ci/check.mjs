// All checks of CI after the installation, one after the other: tests and real engines. The end of the log says what failed, and where.
// The last line is "N passed, N failed": the assertions that passed, and what failed both times.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'

/** Nothing is left out for lack of time before this many minutes. */
const LIMIT_MINUTES = 60

const STEPS = [
  { name: 'npm test', command: ['npm', 'test'], results: 'dist/tests/results/quick.json', minutes: 20 },
  { name: 'npm run test:slow', command: ['npm', 'run', 'test:slow'], results: 'dist/tests/results/slow.json', minutes: 50 },
  { name: 'llama.cpp', command: ['scripts/ci/engines', 'llama.cpp'], minutes: 10 },
  { name: 'vLLM', command: ['scripts/ci/engines', 'vllm'], minutes: 28 },
]

const start = Date.now()
const minutes = () => (Date.now() - start) / 60_000
const total = { passed: 0, failures: [], unsteady: [], slowest: [], leftOut: [] }

/** @returns whether the step succeeded */
function run ({ name, command: [program, ...args], minutes: limit }) {
  console.log(`\n== ${name} (after ${minutes().toFixed(1)} minutes)\n`)
  const { status, error } = spawnSync('timeout', ['--kill-after=10s', `${limit}m`, program, ...args], { stdio: 'inherit' })
  if (status === 124) console.log(`\n${name} took longer than ${limit} minutes and was ended.`)
  return error === undefined && status === 0
}

for (const step of STEPS) {
  if (minutes() > LIMIT_MINUTES) {
    total.leftOut.push(step.name)
    continue
  }
  if (step.results !== undefined) {
    rmSync(step.results, { force: true })
    run(step)
    take(step)
  } else if (run(step)) total.passed++
  else if (minutes() < LIMIT_MINUTES && run(step)) total.unsteady.push(step.name)
  else total.failures.push({ place: step.name, test: 'it failed, see above' })
}

/** Adds the results of a run of tests, which runs red files again by itself. */
function take ({ name, results }) {
  try {
    const { passed, failures, unsteady, slowest } = JSON.parse(readFileSync(results, 'utf8'))
    total.passed += passed
    total.failures.push(...failures)
    total.unsteady.push(...unsteady)
    total.slowest.push(...slowest)
  } catch {
    total.failures.push({ place: name, test: 'it ended without results, see above' })
  }
}

console.log(`\n== All checks: ${minutes().toFixed(1)} minutes. The slowest test files:\n`)
for (const { file, seconds } of total.slowest.sort((a, b) => b.seconds - a.seconds).slice(0, 10)) console.log(`${seconds.toFixed(1).padStart(6)} s  ${file}`)
for (const { place, test } of total.failures.slice(0, 10)) console.log(`FAILED ${place}: ${test}`)
if (total.failures.length > 10) console.log(`and ${total.failures.length - 10} more`)
for (const name of total.leftOut) console.log(`left out, since ${LIMIT_MINUTES} minutes had passed: ${name}`)
for (const file of total.unsteady) console.log(`unsteady: ${file}`)
console.log(`${total.passed} passed, ${total.failures.length} failed`)
process.exitCode = total.failures.length === 0 ? 0 : 1
