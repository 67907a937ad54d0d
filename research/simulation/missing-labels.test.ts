import t from 'tap'
import { atMost } from '../../test/random.js'
import { LABEL_WORLDS, playLabels } from './missing-labels.js'

const RUNS = 12
const [complete, few, , hidden, honest, fewHidden] = LABEL_WORLDS

t.test('"excluded" is misled by up to max_em_drop of missing labels, "lost" never', async (t) => {
  const excluded = playLabels(fewHidden, 'excluded', RUNS)
  t.ok(excluded.certified > 0.5, `excluded: certified in ${100 * excluded.certified} % of the runs, though stopping loses 2.5 points`)
  t.ok(excluded.followUpRatio > 0.98)
  t.ok(playLabels(fewHidden, 'lost', RUNS).certified <= atMost(0.05, RUNS))
})

t.test('"excluded" rarely certifies if more labels than max_em_drop are missing', async (t) => {
  const excluded = playLabels(hidden, 'excluded', RUNS)
  t.ok(excluded.certified < 0.5, `${100 * excluded.certified} %, though what is labelled loses nothing`)
  t.ok(excluded.followUpRatio < 0.97, `follow_up_ratio ${excluded.followUpRatio}`)
  t.ok(playLabels(hidden, 'lost', RUNS).certified <= atMost(0.05, RUNS))
})

t.test('"excluded" loses more than twice the bound no more often than the level says', async (t) => {
  const world = { name: '', lost: 0.0405, gained: 0, missing: { lost: 1, gained: 0, kept: 0 } }
  t.ok(playLabels(world, 'excluded', 40, 1500).certified <= atMost(0.05, 40))
})

t.test('labels missing for wrong full answers mislead neither mode, since they hide gains', async (t) => {
  for (const mode of ['excluded', 'lost'] as const) t.ok(playLabels(honest, mode, RUNS).certified <= atMost(0.05, RUNS), mode)
})

t.test('"lost" costs nothing if all outcomes are labelled, and little if few labels are missing', async (t) => {
  for (const world of [complete, few]) t.ok(playLabels(world, 'lost', RUNS).certified > 0.8, world.name)
})
