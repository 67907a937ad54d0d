import { Type } from '#typebox'
import { GRID } from '../core/certificate/grid.js'
import { countPacked } from '../core/enrolment/packed-numbers.js'
import { RAW } from '../core/enrolment/slice.js'
import type { StoredCohort } from '../core/enrolment/stored-cohort.js'
import { isGridLength } from '../core/predictor/predictor.js'
import { check, fieldsLike, like, number, orNull, ratio, text } from './schema-parts.js'
import { evidence, isOfGrid } from './stored-state-schema.js'

const until = Type.Object({ value: number, until: number })
const lists = Type.Array(number)
const unit = Type.Object({
  tokens: number,
  em: number,
  labelled: number,
  unprobed_generations: number,
  eighths: lists,
  stopped_tokens: lists,
  unprobed: lists,
  probe_tokens: Type.Optional(lists),
})
const report = Type.Object({
  u: ratio,
  leaf: Type.Optional(text),
  samples: orNull(number),
  indices: lists,
  ...fieldsLike({ reported: 0, leftOut: 0, cancelled: 0, unlabelled: 0, lost: 0, atWorst: 0, graded: 0, em: 0, measured: 0, tokens: 0 }),
  waiting: Type.Array(text),
  sums: Type.Array(Type.Tuple([number, unit])),
})
/** Units in packed numbers, which `isCohort` checks. */
const memory = { units: text, until: text }
const armFigures = like({ units: 0, graded: 0, em: 0, em_squares: 0, measured: 0, tokens: 0, token_squares: 0 })
const slice = Type.Object({
  number,
  begins: number,
  ends: orNull(number),
  isAfterPublication: Type.Boolean(),
  enrolled: number,
  open: like({ control: 0, treated: 0 }),
  evidence: Type.Array(Type.Tuple([number, evidence])),
  watched: Type.Array(Type.Tuple([number, evidence])),
  counts: like({ accounted: 0, missing: 0, cancelled: 0, excluded: 0 }),
  arms: Type.Array(Type.Object({ share: ratio, control: armFigures, treated: armFigures })),
  isCounted: Type.Boolean(),
})
const cohort = Type.Object({
  epoch: text,
  next_slice: number,
  is_publication_next: Type.Boolean(),
  looked_at: number,
  is_changed: Type.Boolean(),
  bounds: Type.Object({ cutoffs: Type.Array(until), shares: Type.Array(until) }),
  void_until: number,
  spent: Type.Object({ accounted: Type.Object(memory), void: Type.Object({ ...memory, hashes: text }), missed: text }),
  early: Type.Array(Type.Object({ u: number, generation_id: text, until: number })),
  slices: Type.Array(slice),
  members: Type.Object({ runs: Type.Array(Type.Tuple([ratio, number, number, Type.Integer({ minimum: 1 })])), units: text }),
  reports: Type.Array(report),
})

const hasCohortFields = check(cohort)

/** A cohort as it is written. The slice of each member must be there, and the evidence of a slice must be of one grid. */
export function isCohort (value: unknown): boolean {
  if (!hasCohortFields(value)) return false
  const { slices, members, spent } = value as StoredCohort
  const enrolled = members.runs.reduce((sum, [, , , count]) => sum + count, 0)
  const counts = [spent.accounted, spent.void].map(({ units }) => countPacked(units, 1))
  const areWhole = countPacked(members.units, 1) === enrolled && countPacked(spent.missed, 1) !== null &&
    countPacked(spent.void.hashes, 1) === counts[1] &&
    [spent.accounted, spent.void].every(({ until }, i) => counts[i] !== null && countPacked(until) === counts[i])
  const numbers = new Set(slices.map(({ number }) => number))
  return areWhole && members.runs.every(([, , slice]) => numbers.has(slice)) &&
    slices.every(({ evidence, watched }) => [...evidence, ...watched].every(([scorer, sums]) => {
      const { length } = sums.tokens
      return (scorer === RAW ? length === GRID.length : isGridLength(length)) && isOfGrid(sums, length)
    }))
}
