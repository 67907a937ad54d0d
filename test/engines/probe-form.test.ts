import t from 'tap'
import { temporaryFolder } from '../helper.js'
import { startProcess } from '../service-process.js'
import { lacksEngine, playProxy } from './play-proxy.js'
import { lacksTransformers, MODEL_NAMES, playTransformers, type ModelName } from './play-transformers.js'

const POLICY = JSON.stringify({ check_every_tokens: 16, follow_up_seconds: 60, evidence_span_seconds: 0 })

/** `single` answers with one character behind the closing tag, `boxed` with a number in a box. */
const WANTED: Readonly<Record<ModelName, object>> = {
  single: { name: 'direct', suffix: '', after: '', tokens: 1 },
  boxed: { name: 'boxed', before: '\n', after: '\n\n', tokens: Number },
}

const ENGINES = [
  ['llama.cpp', lacksEngine('llama.cpp'), (url: string, model: ModelName, generations: number) =>
    playProxy('llama.cpp', { url, model, generations, seed: 1, isLabelled: true, findsForm: true })],
  ['transformers', await lacksTransformers(), (url: string, model: ModelName, generations: number) =>
    playTransformers({ url, model, generations, batch: 40, timeoutSeconds: 60, findsForm: true })],
] as const

for (const [engine, lacking, play] of ENGINES) {
  for (const model of MODEL_NAMES) {
    t.test(`the defaults find the form that ${model} wants in ${engine}`, { skip: lacking ?? false }, async (t) => {
      const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY: POLICY })
      const { tasks } = await play(await service.url(), model, 240)
      for (const [task, { generations, control, tokens, full_tokens: full }] of Object.entries(tasks)) {
        const { body } = await service.get(`/v1/contexts/model=reasoner,task=${task}`)
        t.match(body.probe_form, { form: WANTED[model], is_stated: false, generations: 20 }, task)
        t.ok(body.probe_form.validity === null || body.probe_form.validity > 0.8, 'it gives the real answers')
        t.ok(control > 0 && control < generations, 'those before it are not enrolled')
        t.equal(tokens, full, 'nothing is certified yet, and what is probed stays as it is')
      }
    })
  }
}
