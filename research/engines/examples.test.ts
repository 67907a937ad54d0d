import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import t from 'tap'
import { until } from '../../test/helper.js'
import { example, PYTHON, without } from '../../test/slow/run-example.js'

t.test('a batch in transformers is answered', { skip: without('torch', 'transformers') }, async (t) => {
  const { stdout } = await example(t, 'python3 examples/transformers_batch.py research/engines/model/weights')
  t.match(stdout, /^.+\n.+\nCounters\(checks=\d+/)
})

t.test('rollouts of GRPO are reported', { skip: without('torch', 'transformers', 'trl') }, async (t) => {
  t.teardown(() => rm('grpo-sums', { recursive: true, force: true }))
  const built = await example(t, 'python3 examples/trl_grpo.py research/engines/model/weights 6')
  const key = 'model=grpo,task=sums'
  const { send } = built
  await until('they are learned', async () => (await send('GET', `/v1/contexts/${key}`)).status === 200)
})

t.test('llama.cpp behind the proxy answers', { skip: without('xllamacpp') }, async (t) => {
  const server = spawn(PYTHON, ['research/engines/llama_server.py', '--slots', '2'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(async () => { server.kill('SIGKILL'); await once(server, 'exit') })
  const [address] = await once(createInterface(server.stdout), 'line')
  const { stdout } = await example(t, `bash examples/llama_cpp.sh ${address}`, { PORT: '18095', PROMPT: 'swap 187: ax bz cy dy ex' })
  const reply = JSON.parse(stdout.split('\n').find((line) => line.includes('"choices"'))!)
  t.type(reply.choices[0].message.content, 'string')
})
