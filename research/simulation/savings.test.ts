import t from 'tap'
import { measureSavings } from './savings.js'

// A small run of what `npm run simulations savings` prints.

t.test('savings, and those lost to learning, control and threshold, add up to the savings of a fixed threshold in hindsight', async (t) => {
  const { saved, hindsight, learning, control, threshold, lost, labelled, labelledAtMost } = measureSavings('older-self-consistency', ['task'], {}, 1)
  t.ok(Math.abs(saved + learning + control + threshold - hindsight) < 1e-9)
  t.ok(saved > 0.3 && hindsight < 0.75, `${saved} of ${hindsight}`)
  t.ok(lost <= 0.02 && labelled < 0.3, `${lost}, ${labelled}`)
  t.ok(labelled <= labelledAtMost && labelledAtMost <= 1, `${labelled} to ${labelledAtMost}`)
})
