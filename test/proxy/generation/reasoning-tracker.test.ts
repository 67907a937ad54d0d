import t from 'tap'
import { ReasoningTracker } from '../../../src/proxy/generation/reasoning-tracker.js'

const TAGS = { open: '<think>', close: '</think>' }

/** The states after each piece. */
function statesOf (pieces: ReadonlyArray<readonly [string, string]>, isOpened = false): string[] {
  const tracker = new ReasoningTracker(TAGS)
  if (isOpened) tracker.open()
  return pieces.map(([reasoning, content]) => { tracker.add(reasoning, content); return tracker.state })
}

t.test('the reasoning ends with the field, or with its tag', async (t) => {
  t.same(statesOf([['', ''], ['a', ''], ['', '\n'], ['', 'b']]), ['waiting', 'reasoning', 'reasoning', 'ended'])
  t.same(statesOf([['', '<th'], ['', 'ink>a'], ['', '</thi'], ['', 'nk>b']]), ['waiting', 'reasoning', 'reasoning', 'ended'])
  t.same(statesOf([['', 'a'], ['', '</think>']], true), ['reasoning', 'ended'])
  t.same(statesOf([['', 'hello']]), ['absent'])
  t.same(statesOf([['a', '']], true), ['reasoning'])
})

t.test('a closing token ends it, too', async (t) => {
  const tracker = new ReasoningTracker(TAGS)
  tracker.close()
  t.equal(tracker.state, 'waiting')
  tracker.add('a', '')
  t.equal(tracker.isInText, false)
  tracker.close()
  t.equal(tracker.state, 'ended')
})
