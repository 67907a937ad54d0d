import t from 'tap'
import { atMost } from '../random.js'
import { LABEL_WORLDS, playLabels, type LabelWorld } from './missing-labels.js'

const RUNS = 12
const [complete, few, , hidden, honest] = LABEL_WORLDS as [LabelWorld, LabelWorld, LabelWorld, LabelWorld, LabelWorld]

t.test('where lost answers miss their label, what is labelled looks good; strict is not fooled', async (t) => {
  const excluded = playLabels(hidden, 'excluded', RUNS)
  t.ok(excluded.certified > 0.5, `excluded: certified in ${100 * excluded.certified} % of the runs, though stopping loses 4 points`)
  t.ok(excluded.labelledRatio < 0.97, `labelled_ratio ${excluded.labelledRatio} hints at it`)
  t.ok(playLabels(hidden, 'lost', RUNS).certified <= atMost(0.05, RUNS))
})

t.test('where wrong full answers miss theirs, neither is fooled: what is hidden are gains', async (t) => {
  for (const mode of ['excluded', 'lost'] as const) t.ok(playLabels(honest, mode, RUNS).certified <= atMost(0.05, RUNS), mode)
})

t.test('strict costs nothing where all are labelled, and little where few are missing', async (t) => {
  for (const world of [complete, few]) t.ok(playLabels(world, 'lost', RUNS).certified > 0.8, world.name)
})
