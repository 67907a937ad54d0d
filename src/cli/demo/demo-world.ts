import type { Profile } from '../simulate/simulate-generation.js'
import { PROFILES } from '../simulate/profiles.js'

/** Thinks twice as long as in `simulate`, past the point where the answer is found, so that stopping has much to save. */
const thinkingLonger = (profile: Profile): Profile => ({ ...profile, medianSteps: 2 * profile.medianSteps })

const [steady, bold, choices] = PROFILES.map(thinkingLonger) as [Profile, Profile, Profile]

/** The models of the demo by context. The first one is exchanged half-way. */
export const MODELS: readonly Profile[] = [steady, bold, choices]

/** What the first model is exchanged for: weights that are sure of their answers too early. */
export const EXCHANGED: Profile = { ...bold, context: steady.context }
