import t from 'tap'
import type { Asked } from '../../../src/proxy/asked.js'
import { behindPrompt } from '../../../src/proxy/dialects/text-run.js'

const asked = { body: { prompt: 'a' } } as unknown as Asked
t.same(behindPrompt(asked, 'b'), { path: '/v1/completions', fields: { prompt: 'ab' } })
