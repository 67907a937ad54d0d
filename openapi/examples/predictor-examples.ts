/** Example replies from a simulated context and a predictor trained on it. Lists are cut short and figures rounded. */

/** A predictor with one set of weights for all contexts, and one signal. */
export const PREDICTOR_REQUEST_EXAMPLE = {
  label: 'exact_match',
  levels: 'model,task',
  signals: [{ name: 'entropy', mean: 0.4, scale: 0.3 }],
  contexts: { '*': { log_median: 6.9, weights: [2.1, 0.8, 0.3, 0, -0.5] } },
  grid: Array.from({ length: 30 }, (_, k) => Number((0.99 - 0.02 * k).toFixed(2))),
}

const CALIBRATION_EXAMPLE = {
  generations: 304,
  steps: 2381,
  brier: 0.113,
  brier_confidence: 0.128,
  ece: 0.0212,
  ece_confidence: 0.0722,
  reliability: [{ predicted: 0.527, observed: 0.576, weight: 0.0998 }, { predicted: 0.988, observed: 0.996, weight: 0.1 }],
}

const HELD_OUT_SAVINGS_EXAMPLE = {
  'model=steady-8b,task=choices': {
    generations: 152, max_em_drop: 0.03, tokens_saved_gross_ratio: 0.274, tokens_saved_gross_ratio_confidence: 0.226,
  },
}

export const PREDICTOR_EXAMPLE = {
  name: 'auto-304',
  label: 'exact_match',
  status: 'live',
  by: 'trainer',
  created_at: '2026-11-25T02:14:21.278Z',
  retired_at: null,
  contexts: 6,
  signals: ['answer_streak', 'entropy'],
  trained_generations: 304,
  scores_in: 0,
  serving_in: 0,
  calibration: CALIBRATION_EXAMPLE,
  held_out_savings: HELD_OUT_SAVINGS_EXAMPLE,
}

export const PREDICTOR_DETAIL_EXAMPLE = {
  ...PREDICTOR_EXAMPLE,
  definition: {
    ...PREDICTOR_REQUEST_EXAMPLE,
    name: PREDICTOR_EXAMPLE.name,
    trained: { generations: 304, steps: 2381, salt_digest: '6f1d0b2c93a4e857', groups: [0.0173, 0.4268] },
    calibration: CALIBRATION_EXAMPLE,
    held_out_savings: HELD_OUT_SAVINGS_EXAMPLE,
  },
}
