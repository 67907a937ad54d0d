import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { storeCohort } from '../../../src/core/enrolment/cohort-storage.js'
import { holds } from '../../property.js'
import { events, Player, rules, timed } from './random-cohort.js'

t.test('a cohort that is stored and restored at any moment goes on as the original, to the bit', async (t) => {
  holds(t, fc.property(events, rules, fc.nat(8), (all, rules, every) => {
    const story = timed(all)
    const [whole, restarted] = [new Player(rules), new Player(rules)]
    for (const [i, one] of story.entries()) {
      whole.play(one)
      restarted.play(one)
      if (every === 0 || i % every === 0) restarted.restart()
      assert.deepEqual(restarted.totals, whole.totals)
      assert.deepEqual(restarted.prefixes(), whole.prefixes())
      assert.deepEqual(storeCohort(restarted.cohort), JSON.parse(JSON.stringify(storeCohort(whole.cohort))))
    }
  }), 30)
})

t.test('what was stored stays as it was while the cohort goes on, since commits are encoded beside the learner', async (t) => {
  holds(t, fc.property(events, rules, (all, rules) => {
    const player = new Player(rules)
    let [stored, text] = [storeCohort(player.cohort), '']
    for (const [i, one] of timed(all).entries()) {
      if (i % 3 === 0) text = JSON.stringify(stored = storeCohort(player.cohort))
      player.play(one)
      player.cohort.addEarly({ u: 0.5, generation_id: `g${i}`, until: Infinity })
      assert.equal(JSON.stringify(stored), text)
    }
  }), 30)
})
