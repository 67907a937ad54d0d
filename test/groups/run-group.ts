import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

/**
 * Folders whose test files share a process, by group. Loading the service takes longer than most tests, so files that do not disturb each
 * other load it once. test/source-files.test.ts checks that `npm test` runs each file.
 */
export const GROUPS = {
  cli: ['cli', 'docs'],
  core: ['core'],
  decisions: ['service/access', 'service/admin', 'service/decision-log', 'service/decisions', 'service/health', 'service/outcomes'],
  page: ['page'],
  proxy: ['proxy'],
  routes: ['docker', 'errors', 'openapi', 'routes', 'service/snapshot', 'service/training-runs'],
  service: ['app', 'http', 'logging', 'service/config', 'service/events', 'service/http', 'service/learner', 'service/metrics', 'service/telemetry'],
  store: ['store'],
} satisfies Record<string, string[]>

/** Tests that `npm test` runs in a process each: folders, and files that use a core for seconds or change settings of their process. */
export const ALONE = [...readFileSync('.taprc', 'utf8').matchAll(/dist\/tests\/test\/([\w/-]+)(?:\/\*\*\/\*)?\.test\.js/g)].map(([, path]) => path!)

/** Simulations and exhaustive comparisons: four fifths of the processor time of the core's group. `npm run test:core` leaves them out. */
export const SLOW = [
  'core/assignment/arm', 'core/assignment/hash', 'core/certificate/certified-threshold', 'core/certificate/drift',
  'core/certificate/em-drop-interval', 'core/certificate/evidence-sum', 'core/contexts/candidate-scorer', 'core/contexts/judge',
  'core/decide/bundle', 'core/decide/decide-columns', 'core/decide/snapshot', 'core/dev-traces', 'core/enrolment/cohort',
  'core/enrolment/cohorts', 'core/enrolment/enrolment-list', 'core/must-never', 'core/outcome/exact-match',
  'core/predictor/fit-predictor', 'core/predictor/reservoir', 'core/reducer/apply-command',
  'core/reducer/control-share', 'core/reducer/follow-up', 'core/reports/command-effect', 'core/reports/rollback-effect',
  'core/reports/what-if', 'core/training-runs/advice',
]

/** Imports the test files of a group, each after the tests of the one before have ended. */
export async function runGroup (name: keyof typeof GROUPS): Promise<void> {
  const leftOut = process.env.LEAVE_OUT_SLOW === 'true' ? [...ALONE, ...SLOW] : ALONE
  for (const folder of GROUPS[name]) {
    for (const file of readdirSync(new URL(`../${folder}/`, import.meta.url), { recursive: true, encoding: 'utf8' }).sort()) {
      const path = `${folder}/${file}`
      if (!path.endsWith('.test.js') || leftOut.includes(path.replace('.test.js', ''))) continue
      t.comment(path)
      await import(new URL(`../${path}`, import.meta.url).href)
      if (!t.idle) await once(t, 'idle')
    }
  }
  // A module that calls the teardown of tap's root test makes it end as soon as no test is running. Later tests would not run, unnoticed.
  if (t.results !== undefined) throw new Error('a test file called the teardown of the root test: call that of a test')
}
