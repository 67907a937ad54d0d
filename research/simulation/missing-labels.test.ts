import t from 'tap'
import { numRuns } from '../../test/property.js'
import { atMost } from '../../test/random.js'
import { LABEL_WORLDS, playLabels } from './missing-labels.js'

const RUNS = 12
const [complete, few, hidden, honest, fewHidden] = LABEL_WORLDS

t.test('labels that are missing for lost or gained answers certify nothing wrongly', async (t) => {
  const runs = numRuns(4, RUNS)
  for (const world of [hidden, honest, fewHidden]) t.ok(playLabels(world, runs) <= atMost(0.05, runs), world.name)
})

t.test('counting missing labels as lost costs nothing if all outcomes are labelled, and little if few labels are missing', async (t) => {
  for (const world of [complete, few]) t.ok(playLabels(world, RUNS) > 0.8, world.name)
})
