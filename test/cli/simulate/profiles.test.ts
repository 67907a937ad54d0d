import t from 'tap'
import { contextKey } from '../../../src/core/policy/context.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { plantedProfile, PROFILES } from '../../../src/cli/simulate/profiles.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { simulateGeneration } from '../../../src/cli/simulate/simulate-generation.js'
import { GRID } from '../../../src/core/certificate/grid.js'

const keys = PROFILES.map(({ context }) => contextKey(['model', 'task'], context))
t.equal(new Set(keys).size, PROFILES.length, 'the contexts differ under the default levels')
t.ok(PROFILES.every(({ everyTokens }) => everyTokens === DEFAULT_POLICY.check_every_tokens), 'steps at the cadence a default policy asks for')

const { chance, steps } = simulateGeneration(seededRandom(1), plantedProfile(0.025))
t.ok(steps.every((step) => step.confidence >= GRID[0]!), 'a planted context crosses every threshold at the first step')
t.ok(steps.every((step) => Math.abs(chance - step.chance - 0.025) < 1e-12), 'a planted context loses the same at every step')
