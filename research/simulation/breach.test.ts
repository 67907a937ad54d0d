import t from 'tap'
import { serveUnrepaired, stopsByFidelity } from '../../test/simulation/breach.js'

t.test('by fidelity a loss is found at any EM, with labels and under agreement', async (t) => {
  for (const em of [0.5, 0.9, 0.99, 1]) {
    for (const label of ['exact_match', 'agreement'] as const) {
      for (const [loss, most] of [[0.03, 2500], [0.1, 500], [0.3, 150]] as const) {
        t.ok(stopsByFidelity({ em, loss, seed: 1, most }, label) <= most, `EM ${em}, ${100 * loss} points, ${label}`)
      }
    }
  }
})

t.test('holds keep a worker that is never repaired from being breached again and again', async (t) => {
  const [held, always] = [false, true].map((isWithoutHold) => serveUnrepaired(1, isWithoutHold, 16_000))
  t.ok(held!.breaches <= 3 && always!.breaches >= 15, `${held!.breaches} and ${always!.breaches} breaches`)
  t.ok(held!.stopped < always!.stopped / 4, `${held!.stopped} instead of ${always!.stopped} stops`)
})
