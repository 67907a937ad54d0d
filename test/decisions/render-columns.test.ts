import t from 'tap'
import type { ColumnsAnswer } from '../../src/decisions/answer-columns.js'
import { renderColumns } from '../../src/decisions/render-columns.js'

t.test('the text equals that of JSON.stringify', async (t) => {
  const nothing: ColumnsAnswer = {
    model_version: 0, stale: false, stop: [], control: [], would_stop: [], probe: [], first_step_late: [], errors: [], contexts: [],
  }
  const all: ColumnsAnswer = {
    model_version: 7,
    stale: true,
    stop: [0],
    control: [1, 2],
    would_stop: [0, 1, 4095],
    probe: [2],
    first_step_late: [3],
    errors: [{ index: 5, path: '/tokens/5', message: 'must be "whole"\n' }, { index: 6, path: '/contexts/1', message: 'é' }],
    contexts: [
      { threshold: 0.935, check_every_tokens: 32, check_growth: 0, min_tokens: 0, warnings: [] },
      null,
      { threshold: null, check_every_tokens: 1, check_growth: 0, min_tokens: 100, warnings: ['outcomes_missing', 'outcomes_not_enrolled'] },
    ],
  }
  for (const answer of [nothing, all]) t.equal(renderColumns(answer), JSON.stringify(answer))
})
