import t from 'tap'
import { DrawBuffer, ENROLMENT_TIMES, MAX_BUFFERED_DRAWS, scaledTimes } from '../../../src/core/evidence/enrolment-list.js'

const DRAWN = { key: 'task=x', epoch: '1-1', share: 0.25 }

t.test('E2: an entry holds control draws alone', async (t) => {
  const buffer = new DrawBuffer()
  for (const u of [0, 0.24, 0.26, 0.49, 0.5, 0.9]) buffer.add(DRAWN, u, u, 10)
  t.strictSame(buffer.take(), { since: 10, entries: [{ ...DRAWN, draws: [[0, 0], [0.24, 0.24]] }] })
  t.equal(buffer.take(), null, 'each draw is listed once')
})

t.test('a generation that is enrolled under no share makes no list', async (t) => {
  const buffer = new DrawBuffer()
  buffer.add(DRAWN, 0.9, 0.1, 10)
  t.equal(buffer.take(), null)
})

t.test('there is one entry per context, epoch and share, and the age is that of the oldest draw', async (t) => {
  const buffer = new DrawBuffer()
  buffer.add(DRAWN, 0.1, 0.1, 10)
  for (const change of [{ key: 'task=y' }, { epoch: null }, { share: 0.5 }]) buffer.add({ ...DRAWN, ...change }, 0.1, 0.1, 20)
  const taken = buffer.take()!
  t.equal(taken.since, 10)
  t.equal(taken.entries.length, 4)
  buffer.add(DRAWN, 0.1, 0.1, 30)
  t.equal(buffer.take()!.since, 30)
})

t.test('the samples of a group are one draw', async (t) => {
  const buffer = new DrawBuffer()
  for (let sample = 0; sample < 1000; sample++) buffer.add(DRAWN, 0.1, 0.7, 0)
  buffer.add(DRAWN, 0.2, 0.9, 0)
  t.strictSame(buffer.take()!.entries, [{ ...DRAWN, draws: [[0.1, 0.7], [0.2, 0.9]] }])
})

t.test('draws that pile up while the store is away are limited in total, separately for each list', async (t) => {
  const buffer = new DrawBuffer()
  for (let list = 0; list < 2; list++) {
    for (let i = 0; i < MAX_BUFFERED_DRAWS + 1000; i++) buffer.add({ ...DRAWN, key: `task=${i % 2000}` }, i * 1e-7, i * 1e-7, 0)
    t.equal(buffer.take()!.entries.reduce((sum, { draws }) => sum + draws.length, 0), MAX_BUFFERED_DRAWS)
  }
})

t.test('an outcome waits for its entry longer than a list may be under way', async (t) => {
  t.ok(ENROLMENT_TIMES.wait > ENROLMENT_TIMES.oldestList)
  t.ok(ENROLMENT_TIMES.oldestList > ENROLMENT_TIMES.appendTimeout + ENROLMENT_TIMES.listEvery, 'a list that was given up once may be sent again')
})

t.test('all times scale together', async (t) => {
  t.strictSame(scaledTimes(1), ENROLMENT_TIMES)
  const scaled = scaledTimes(0.01)
  for (const [name, ms] of Object.entries(ENROLMENT_TIMES)) t.equal(scaled[name as keyof typeof scaled], ms * 0.01, name)
})
