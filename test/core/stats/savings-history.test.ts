import t from 'tap'
import { addControl, addTreated, NO_SAVINGS } from '../../../src/core/stats/savings.js'
import { addToHistory, advanceHistory, HOURS, hoursOf, startHistory } from '../../../src/core/stats/savings-history.js'

const HOUR = 3_600_000

/** A state with 16 treated generations that used 10 tokens each after their crossings, and 8 control ones that used 100. */
function played () {
  let savings = NO_SAVINGS
  let history = startHistory({ sums: savings, probe_tokens: 0 }, HOUR / 2)
  for (let i = 0; i < 16; i++) {
    savings = addTreated(savings, 10)
    history = addToHistory(history, 50)
  }
  for (let i = 0; i < 8; i++) {
    savings = addControl(savings, 100, 0.5)
    history = addToHistory(history, 145)
  }
  return { history, state: { sums: savings, probe_tokens: 40 } }
}

t.test('an hour has the net savings and the tokens spent, by hand', async (t) => {
  const { history, state } = played()
  const saved = { tokens_saved: 16 * 90 - 40, tokens_saved_low: 1400, tokens_saved_high: 1400 } // all lengths are equal
  const hour = { at: 0, ...saved, tokens: 16 * 50 + 8 * 145 }
  t.strictSame(hoursOf(history, state), [hour], 'the present one, so far')
  const next = advanceHistory(history, state, HOUR)
  t.strictSame(next.hours, [hour])
  t.match(hoursOf(next, state)[1], { at: HOUR, tokens_saved: 0, tokens: 0 }, 'the next one begins at zero')
})

t.test('with too few control generations there is no figure', async (t) => {
  const { history, state } = played()
  t.match(hoursOf(history, { ...state, sums: addTreated(NO_SAVINGS, 0) }), [{ tokens_saved: null }])
})

t.test('the history is bounded, hours without outcomes are left out, and a clock that goes back ends nothing', async (t) => {
  const state = { sums: NO_SAVINGS, probe_tokens: 0 }
  let history = startHistory(state, 0)
  for (let hour = 1; hour <= 50 * 24; hour += 2) history = advanceHistory(history, state, hour * HOUR)
  t.equal(history.hours.length, HOURS)
  t.strictSame(history.hours.slice(-2).map(({ at }) => at / HOUR), [1195, 1197])
  t.equal(advanceHistory(history, state, 1000), history)
})
