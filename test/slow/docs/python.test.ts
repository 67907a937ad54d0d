import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { build, temporaryFolder, until, type Built } from '../../helper.js'
import { blocksOf, PAGES } from '../../docs/pages.js'

const run = promisify(execFile)

/** Its example is a whole program. The other pages share their names with each other. */
const PROGRAM = 'clients/python/README.md'

/** Pages whose code needs a trainer. It is run by clients/python/tests: test_trl.py, test_rollout.py and test_training_evaluation.py. */
const NEEDING_TRAINERS = ['rollouts', 'evaluations'].map((name) => `docs/integrate/${name}.md`)

/** Stands after `python` where the code needs transformers. It is run by clients/python/tests/test_hf.py. */
const NEEDING_TRANSFORMERS = 'transformers'

/**
 * Runs the Python of pages with the client of this repository, and then more of it.
 * @param url of the service that it calls
 * @returns what it printed
 */
async function python (t: Test, pages: readonly string[], more: string, url: string): Promise<string> {
  const shown = pages.flatMap(blocksOf).filter(({ language, info }) => language === 'python' && info !== NEEDING_TRANSFORMERS).map(({ code }) => code)
  t.ok(shown.length > 0, 'code was found')
  const file = join(await temporaryFolder(t), 'worker.py')
  await writeFile(file, [...shown, more].join('\n').replaceAll('http://localhost:8080', url))
  const env = { ...process.env, PYTHONPATH: resolve('clients/python/src') }
  return (await run('python3', [file], { env, maxBuffer: 1e8 })).stdout
}

const ofPages = async (t: Test, more: string, url: string): Promise<any> =>
  JSON.parse(await python(t, PAGES.filter((page) => page !== PROGRAM && !NEEDING_TRAINERS.includes(page)), more, url))

/** A service with a threshold that every confidence of 0.9 reaches, in the context of the pages. */
async function pinned (t: Test): Promise<Built & { url: string }> {
  const built = await build(t, { DEFAULT_POLICY: '{"control_rate":0.02}' })
  for (const model of ['qwen3-8b', 'm']) {
    await built.send('PUT', `/v1/contexts/model=${model},task=gsm8k/pin`, { threshold: 0.9, reason: 'test' })
  }
  return { ...built, url: await built.app.listen({ port: 0 }) }
}

/** Reasoning of 96 tokens that is sure at its second check. Calls have time. */
const WORKER = `
import asyncio, json
from types import SimpleNamespace

class Thought:
    is_done = has_ended = False
    def __init__(self):
        self.tokens = 0
    def generate(self, limit):
        self.tokens = min(96, limit)
        return self.tokens, self.tokens == 96
    def probe(self):
        return Probe("4", 0.95 if self.tokens >= 64 else 0.1)
    def answer(self):
        return "The answer is 4."

for each in (client, service):
    each._session.timeout = 30
`

t.test('the example of the client runs unchanged', async (t) => {
  const { app, send } = await build(t)
  const printed = await python(t, [PROGRAM], '', await app.listen({ port: 0 }))
  t.match(printed, /^\d+ Counters\(.*checks=\d{3}.*rejected=0/)
  await until('generations are reported', async () => {
    const { body: { generations: { control, treated } = { control: 0, treated: 0 } } } = await send('GET', '/v1/contexts/model=stand-in,task=sums')
    return control + treated > 0
  })
})

t.test('the smallest worker stops, and reports its generations', async (t) => {
  const { url } = await pinned(t)
  const said = await ofPages(t, `${WORKER}
thoughts = [Thought() for _ in range(20)]
answers = [run(f"question {i}", one.generate, one.probe, lambda answer: answer == "4") for i, one in enumerate(thoughts)]
print(json.dumps([answers, [one.tokens for one in thoughts], client.flush(30), client.counters.rejected]))
`, url)
  t.strictSame(said[0], Array(20).fill('4'))
  t.ok(said[1].filter((tokens: number) => tokens === 64).length >= 15, 'the treated ones, almost all, are stopped')
  t.strictSame(said.slice(2), [true, 0])
})

t.test('a loop over a batch and an asyncio server stop at the same step', async (t) => {
  const { url } = await pinned(t)
  const said = await ofPages(t, `${WORKER}
class Engine:
    def start(self, prompts):
        self.rows = [Thought() for _ in prompts]
        return self.rows
    def step(self, rows):
        for row in rows:
            row.tokens += 1
            row.has_ended = row.tokens == 96
    def probe(self, row):
        return row.probe()
    def answer(self, row):
        return row.answer()

class Session(Thought):
    async def generate(self, limit):
        return super().generate(limit)
    async def probe(self):
        return super().probe()
    async def answer(self):
        return super().answer()

async def serve():
    sessions = [Session() for _ in range(20)]
    answers = await asyncio.gather(*(handle(SimpleNamespace(task="gsm8k", prompt=f"question {i}"), one) for i, one in enumerate(sessions)))
    return answers, [one.tokens for one in sessions]

engine = Engine()
solve_all(engine, [f"problem {i}" for i in range(20)], lambda row, answer: answer.endswith("4."))
answers, tokens = asyncio.run(serve())
one = Thought()
print(json.dumps({"batch": [row.tokens for row in engine.rows], "calls": client.counters.calls, "answers": answers, "tokens": tokens,
    "solved": solve(one, "2 + 2", "The answer is 4.")}))
`, url)
  for (const name of ['batch', 'tokens']) t.ok(said[name].filter((tokens: number) => tokens === 64).length >= 15, name)
  t.ok(said.calls <= 2 + 3, 'one call for each step of the batch, and those of the control rows')
  t.strictSame(said.answers, Array(20).fill('The answer is 4.'))
  t.equal(said.solved, 'The answer is 4.')
})

t.test('probes, signals, samples and a free confidence are as shown', async (t) => {
  const { url } = await pinned(t)
  const said = await ofPages(t, `${WORKER}
model = Model()
model.signals, model.force = Signals(), lambda text, max_tokens: ("4", [-0.1], [[-0.1, -3.0]])
one = client.generation({"model": "m", "task": "gsm8k"})
one.arm = "control"
stopped = check(one, 32, 0.95, model.probe)
print(json.dumps([model.probe(), step, stopped, one.steps[0].answer, len({run.id for run in runs}), local.wait_ready(30)]))
`, url)
  t.match(said[0].slice(0, 1), ['4'])
  t.match(said[1], { answer_streak: 1, vote_share: 1, marker_density: 3.125, confidence_delta: 0 })
  t.strictSame(said.slice(2), [false, '4', 8, true])
})

t.test('with the service down generations go on', async (t) => {
  const { app } = await build(t)
  const url = await app.listen({ port: 0 })
  await app.close()
  const said = await ofPages(t, `${WORKER}
one = Thought()
print(json.dumps([run("2 + 2", one.generate, one.probe, lambda answer: True), one.tokens, client.close(0), service.close(0), local.close(0)]))
`, url)
  t.strictSame(said.slice(0, 3), ['4', 96, false])
})
