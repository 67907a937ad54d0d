import t from 'tap'
import { REPORTED_EXAMPLE, RUN_EXAMPLE, RUN_LIST_EXAMPLE } from '../../../openapi/examples/training-examples.js'

t.test('the list, the run and the report show the same run', async (t) => {
  const [summary] = RUN_LIST_EXAMPLE.runs
  const [suite] = RUN_EXAMPLE.suites
  t.match(RUN_EXAMPLE, { run: summary!.run, updated_at: summary!.updated_at, contexts: [REPORTED_EXAMPLE.epochs[0]] })
  t.match(summary!.suites, [{ suite: suite!.suite, steps: suite!.steps, step: suite!.points[0]!.step, em: suite!.points[0]!.em }])
})
