import { readFileSync } from 'node:fs'
import t from 'tap'
import { openEpoch } from '../../../src/core/contexts/context-state.js'
import { EVIDENCE_WARNINGS, evidenceWarnings, isEvidenceWarning } from '../../../src/core/contexts/evidence-checks.js'
import { type FollowUp, NO_FOLLOW_UP } from '../../../src/core/contexts/follow-up-counts.js'
import { NO_GRADER } from '../../../src/core/contexts/grader.js'
import { DEFAULT_POLICY, type PolicyPatch } from '../../../src/core/policy/policy.js'

const state = openEpoch(undefined, 'first_enrolment', DEFAULT_POLICY, ['task'], { time: 0, name: '1-0' })
const warned = (follow_up: Partial<FollowUp>, policy: PolicyPatch = {}) =>
  evidenceWarnings({ ...state, follow_up: { ...NO_FOLLOW_UP, ...follow_up } }, { ...DEFAULT_POLICY, ...policy })

t.test('outcomes that lack steps are warned about where they are more than may be lost', async (t) => {
  t.same(warned({ steps_missing: 3 }), [], 'too few to tell')
  t.same(warned({ steps_missing: 4 }), ['steps_missing'])
  t.same(warned({ steps_missing: 4, reported: 196 }), [])
  t.same(warned({ steps_missing: 5, reported: 195 }), ['steps_missing'])
  t.same(warned({ steps_missing: 5, reported: 195 }, { max_em_drop: 0.05 }), [])
})

t.test('a broken grader is warned about', async (t) => {
  const broken = { ...state, grader: { ...NO_GRADER, was_blind: true } }
  t.same(evidenceWarnings(broken, DEFAULT_POLICY), ['grader_broken'])
})

t.test('the page for operators has a paragraph for each check', async (t) => {
  const page = readFileSync('docs/operate/evidence-warnings.md', 'utf8')
  for (const warning of EVIDENCE_WARNINGS) t.match(page, new RegExp(`^### ${warning}\\n\\n\\S`, 'm'), warning)
  t.notOk(isEvidenceWarning('toString'))
})
