const rowOf = (since: string, until: string, generations: number) => ({
  since,
  until,
  context: 'model=example',
  generations,
  tokens: 620 * generations,
  tokens_saved: 190 * generations,
  tokens_saved_low: 152 * generations,
  tokens_saved_high: 228 * generations,
  answers_lost: 0.004 * generations,
  answers_lost_low: -0.001 * generations,
  answers_lost_high: 0.011 * generations,
  answers_unlabelled: 0.001 * generations,
})

export const SAVINGS_EXAMPLE = {
  total: rowOf('2026-01-04', '2026-01-05', 6000),
  rows: [rowOf('2026-01-04', '2026-01-04', 4000), rowOf('2026-01-05', '2026-01-05', 2000)],
}
