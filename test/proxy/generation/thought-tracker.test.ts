import t from 'tap'
import { ThoughtTracker } from '../../../src/proxy/generation/thought-tracker.js'

const TAGS = { open: '<think>', close: '</think>' }

/** The states after each piece. */
function statesOf (pieces: ReadonlyArray<readonly [string, string]>, isOpened = false): string[] {
  const tracker = new ThoughtTracker(TAGS)
  if (isOpened) tracker.opened()
  return pieces.map(([reasoning, content]) => { tracker.add(reasoning, content); return tracker.state })
}

t.test('the thought ends with the field, or with its tag', async (t) => {
  t.same(statesOf([['', ''], ['a', ''], ['', '\n'], ['', 'b']]), ['waiting', 'thinking', 'thinking', 'ended'])
  t.same(statesOf([['', '<th'], ['', 'ink>a'], ['', '</thi'], ['', 'nk>b']]), ['waiting', 'thinking', 'thinking', 'ended'])
  t.same(statesOf([['', 'a'], ['', '</think>']], true), ['thinking', 'ended'])
  t.same(statesOf([['', 'hello']]), ['absent'])
  t.same(statesOf([['a', '']], true), ['thinking'])
})

t.test('a closing token ends it, too', async (t) => {
  const tracker = new ThoughtTracker(TAGS)
  tracker.closed()
  t.equal(tracker.state, 'waiting')
  tracker.add('a', '')
  t.equal(tracker.isInText, false)
  tracker.closed()
  t.equal(tracker.state, 'ended')
})
