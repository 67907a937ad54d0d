import t from 'tap'
import { reportsOf, send, type Totals } from '../../../src/cli/import-run/send.js'

const draft = { step: 1, suite: 's', em: 0.5, n: 10, tokens_mean: 5 }

t.test('an unusable checkpoint is rejected and the others are sent', async (t) => {
  const problems: string[] = []
  const found = [{ place: 'f:1', draft: null }, { place: 'f:2', draft }, { place: 'f:3', draft: { suite: 's', em: 0.5 } }]
  t.match(reportsOf(found, {}, (problem) => { problems.push(problem) }), [{ place: 'f:2', draft }])
  t.match(problems, [/f:1: not JSON/, /f:3: step, n, tokens_mean missing/])
})

t.test('if one EM is a percentage, the others are not taken for fractions', async (t) => {
  const problems: string[] = []
  const found = [0.8, 51, 0, -1].map((em, i) => ({ place: `f:${i + 1}`, draft: { ...draft, em } }))
  t.match(reportsOf(found, {}, (problem) => { problems.push(problem) }), [{ draft: { em: 0 } }])
  t.match(problems, [/f:1: an EM of 0.8 may be in percent, since f:2/, /f:2: .* --percent/, /f:4: an EM of -1/])
  t.match(reportsOf(found, { isPercent: true }, t.fail).map(({ draft: { em } }) => em), [0.008, 0.51, 0, -0.01])
})

t.test('many checkpoints go in several requests, and rejections name their place', async (t) => {
  const sizes: number[] = []
  const paths = new Set<string>()
  const client = {
    async send (_method: string, path: string, body: unknown) {
      const { checkpoints } = body as { checkpoints: unknown[] }
      sizes.push(checkpoints.length)
      paths.add(path)
      return { accepted: checkpoints.length - 1, attempts: 1, duplicates: 0, rejected: [{ index: 3, path: '/em', message: 'must be <= 1' }] }
    },
    requests: () => 0,
    close: async () => {},
  }
  const totals: Totals = { accepted: 0, attempts: 0, duplicates: 0, rejected: 0 }
  const notes: string[] = []
  const refused: string[] = []
  await send({
    run: 'a b',
    client,
    reports: Array.from({ length: 1200 }, (_, i) => ({ place: `f:${i}`, draft })),
    totals,
    onNote: (line) => { notes.push(line) },
    onReject: (problem) => { refused.push(problem) },
  })
  t.same(sizes, [500, 500, 200])
  t.same([...paths], ['/v1/training-runs/a%20b/checkpoints'])
  t.same(totals, { accepted: 1197, attempts: 3, duplicates: 0, rejected: 0 })
  t.match(refused, [/^f:3: \/em must/, /^f:503: /, /^f:1003: /])
  t.equal(notes.length, 3)
})
