import t from 'tap'
import { OutcomeReporter } from '../../../src/proxy/service-link/outcome-reporter.js'
import { CallError } from '../../../src/proxy/service-link/service-calls.js'

const options = { capacity: 3, onProblem: () => {}, onWarning: () => {} }
const reply = (rejected: unknown[] = []) => ({ status: 202, etag: '', body: { rejected } })

t.test('outcomes go in batches, again after a failure, and each is counted', async (t) => {
  const batches: number[] = []
  const reporter = new OutcomeReporter({
    async post (_path, body) {
      batches.push((body as { outcomes: unknown[] }).outcomes.length)
      if (batches.length === 1) throw new CallError('away', 503)
      return reply([{ path: '/a', message: 'b' }])
    },
  }, options)
  reporter.put({ a: 1 })
  reporter.put({ a: 2 })
  await reporter.close(60_000)
  t.same(batches, [2, 2])
  t.same(reporter.counts, { reported: 1, refused: 1, dropped: 0 })
})

t.test('the oldest outcomes are dropped if too many wait, and refused ones are not sent again', async (t) => {
  const reporter = new OutcomeReporter({ post: async () => { throw new CallError('refused', 400) } }, options)
  for (let i = 0; i < 5; i++) reporter.put({ i })
  t.equal(reporter.waiting, 3)
  await reporter.close(60_000)
  t.same(reporter.counts, { reported: 0, refused: 3, dropped: 2 })
})

t.test('the warnings of the service are passed on with their outcomes', async (t) => {
  const warned: unknown[] = []
  const receipts = [{ label_wanted: false }, { label_wanted: true, warnings: ['labels_missing', 'cancelled_high'] }, null]
  const post = async () => ({ status: 202, etag: '', body: { rejected: [], outcomes: receipts } })
  const reporter = new OutcomeReporter({ post }, { ...options, onWarning: (warning, outcome) => { warned.push([warning, outcome]) } })
  for (const id of ['a', 'b', 'c']) reporter.put({ id })
  await reporter.close(60_000)
  t.same(warned, [['labels_missing', { id: 'b' }], ['cancelled_high', { id: 'b' }]])
})

t.test('closing gives up after its time', async (t) => {
  const problems: string[] = []
  const reporter = new OutcomeReporter({ post: async () => { throw new CallError('away', null) } }, { ...options, onProblem: (problem) => { problems.push(problem) } })
  reporter.put({})
  await reporter.close(1)
  t.match(problems.at(-1), /1 outcomes were not sent/)
})

t.test('a reply without a list of refused outcomes is a problem, and the batch is not sent again', async (t) => {
  const problems: string[] = []
  let calls = 0
  const post = async () => { calls++; return { status: 202, etag: '', body: null } }
  const reporter = new OutcomeReporter({ post }, { ...options, onProblem: (problem) => { problems.push(problem) } })
  reporter.put({})
  await reporter.close(60_000)
  t.match(problems, [/did not list/])
  t.same([calls, reporter.waiting], [1, 0])
})

t.test('a batch of long outcomes stays below the limit of the service', async (t) => {
  const batches: number[] = []
  const post = async (_path: string, body: unknown) => {
    batches.push((body as { outcomes: unknown[] }).outcomes.length)
    return reply()
  }
  const reporter = new OutcomeReporter({ post }, options)
  for (const length of [2 ** 21, 600_000, 600_000]) reporter.put({ prompt: 'x'.repeat(length) })
  await reporter.close(60_000)
  t.same(batches, [1, 1, 1])
})
