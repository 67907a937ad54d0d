/** Example replies about a training run. Lists are cut short and figures rounded. */

export const REPORTED_EXAMPLE = {
  accepted: 6,
  attempts: 0,
  duplicates: 0,
  rejected: [{ index: 6, path: '/step', message: 'must be >= 0; Training step (a whole number from 0)' }],
  epochs: [{ context: 'model=bold-8b', step: 1200 }],
}

export const RUN_LIST_EXAMPLE = {
  runs: [{
    run: 'q-rl-7',
    created_at: '2026-11-25T11:44:11.587Z',
    updated_at: '2026-11-25T11:44:11.598Z',
    suites: [{ suite: 'gsm8k', steps: 6, replayed: 0, step: 1200, em: 0.71, tokens_mean: 812, verdicts: [] }],
    contexts: ['model=bold-8b'],
  }],
}

export const RUN_EXAMPLE = {
  run: 'q-rl-7',
  created_at: '2026-11-25T11:44:11.587Z',
  updated_at: '2026-11-25T11:44:11.598Z',
  suites: [{
    suite: 'gsm8k',
    steps: 6,
    replayed: 0,
    max_em_drop: 0.02,
    threshold: null,
    compared: 6,
    points: [{
      step: 1200,
      em: 0.71,
      n: 1319,
      tokens_mean: 812,
      em_low: 0.685,
      em_high: 0.734,
      tokens_low: 780,
      tokens_high: 845,
      at: null,
      received_at: '2026-11-25T11:44:11.587Z',
      is_replay: false,
      earlier_attempts: [],
      predates_replay: false,
      tokens_p50: 700,
      tokens_p95: 2100,
      truncated_rate: 0.004,
    }],
    trend: {
      em: { slope: 0.00011, low: 0.000075, high: 0.00015, checkpoints: 6 },
      tokens: { slope: 0.113, low: 0.1, high: 0.125, checkpoints: 6 },
      em_per_percent_of_tokens: { slope: 0.0081, low: 0.0052, high: 0.0113, checkpoints: 6 },
    },
    forecast: [{ step: 1400, em: 0.735, em_low: null, em_high: null, tokens_mean: 832, tokens_low: null, tokens_high: null }],
    coverage: { level: 0.9, em: { held_out: 0, covered: 0 }, tokens: { held_out: 0, covered: 0 } },
    verdicts: [],
  }],
  contexts: [{
    context: 'model=bold-8b',
    step: 1200,
    since: '2026-11-25T11:44:11.598Z',
    advice: [{
      context: 'model=bold-8b',
      advice: 'run_in_full',
      reason: 'little_evidence',
      epoch: 2,
      threshold: null,
      tokens_saved_ratio: 0,
      em_drop: null,
      em_drop_low: null,
      em_drop_high: null,
      generations: 0,
      generations_to_next_certificate: 224,
      expected: null,
    }],
  }],
}
