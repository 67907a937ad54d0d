/** The names of `policy` that other parts import: policies, pins, contexts and their keys. */
export {
  byDepth, certifyingDepth, certifyingKey, chainOf, type Context, contextKey, depthOf, isCertifying, isOpen, isPattern, isWithin,
  type Levels, parseContextKey, REPLACEMENT_CHARACTER, ROOT, unknownLevel,
} from './context.js'
export { haveCommonContexts, patternFor, patternProblem, patternsIn, patternTree, type PatternTree, policyKeys, withPatterns } from './pattern.js'
export { isLive, livePins, type Pin } from './pin.js'
export { boundProblem, memberProblem, poolProblem } from './policy-problem.js'
export {
  type Cadence, CONFIDENCE, DEFAULT_POLICY, effectivePolicy, haveSameTerms, type Label, nextCheckTokens, patchedPolicy, type Policy,
  type PolicyMergePatch, type PolicyPatch, policySources, TOKENS, UNREADABLE_POLICY,
} from './policy.js'
