import t from 'tap'
import { mulberry32 } from '../random.js'
import { Agenda } from './agenda.js'

t.test('the earliest comes first, also when it is added on the way', async (t) => {
  const random = mulberry32(1)
  const agenda = new Agenda()
  const done: number[] = []
  for (let i = 0; i < 500; i++) {
    agenda.add(random(), (at) => {
      done.push(at)
      if (i % 3 === 0) agenda.add(at + random(), (later) => { done.push(later) })
    })
  }
  agenda.run()
  t.equal(done.length, 500 + 167)
  t.strictSame(done, [...done].sort((a, b) => a - b))
})

t.test('things at one time come in the order in which they were added', async (t) => {
  const agenda = new Agenda()
  const done: number[] = []
  for (let i = 0; i < 20; i++) agenda.add(1, () => { done.push(i) })
  agenda.run()
  t.strictSame(done, Array.from({ length: 20 }, (_, i) => i))
})

t.test('nothing is done after it is over', async (t) => {
  const agenda = new Agenda()
  const done: number[] = []
  for (const at of [3, 1, 2]) agenda.add(at, (now) => { done.push(now) })
  agenda.run(() => done.length === 2)
  t.strictSame(done, [1, 2])
})
