import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { certify, CONTEXT, KEY } from '../certify.js'
import { build, temporaryFolder, until } from '../helper.js'
import { blocksOf, PAGES } from './pages.js'

const run = promisify(execFile)
const folder = await temporaryFolder(t)

/**
 * Runs the Python of all pages, the README's first, and then more of it.
 * @param url of the service that it calls
 * @returns what it printed as JSON
 */
async function python (more: string, url = ''): Promise<any> {
  const shown = PAGES.flatMap(blocksOf).filter(({ language }) => language === 'python').map(({ code }) => code)
  t.ok(shown.length >= 4, 'code was found')
  const file = join(folder, 'worker.py')
  await writeFile(file, [...shown, more].join('\n').replace('http://localhost:8080', url))
  const { stdout } = await run('python3', [file], { maxBuffer: 1e8 })
  return JSON.parse(stdout)
}

t.test('a worker that decides by the bundle agrees with the vectors', async (t) => {
  const wrong = await python(`
vectors = json.load(open("openapi/vectors.json"))
bundle, wrong = vectors["bundle"], []
for case in vectors["decisions"]:
    step, decision = case["step"], case["decision"]
    context, name = step.get("context", {}), step.get("group_id", step.get("generation_id"))
    arm = step.get("arm") or ("treated" if name is None else arm_of(bundle, context, name))
    stop = should_stop(bundle, context, arm, step["tokens"], step["confidence"], step.get("signals", {}))
    if (stop, arm) != (decision["decision"] == "stop", decision["arm"]):
        wrong.append(case)
    node = node_of(bundle, context)
    if "rule" in node and step["confidence"] is not None:
        score = score_of(bundle, node, bundle["rules"][node["rule"]], step["tokens"], step["confidence"], step.get("signals", {}))
        if not math.isclose(score, decision["score"], rel_tol=1e-12):
            wrong.append((score, case))
if any(murmur3(case["text"]) != case["hash"] for case in vectors["murmur3"]):
    wrong.append("a hash")
newer = {**bundle, "format": bundle["format"] + 1}
if any(should_stop(newer, c["step"].get("context", {}), "treated", 1e6, 1, {}) for c in vectors["decisions"]):
    wrong.append("a newer format")
print(json.dumps(wrong))
`)
  t.same(wrong, [])
})

t.test('signals have the values that the table defines, and unknown ones are left out', async (t) => {
  const added = await python(`
given = Signals()
certain = [[0.0], [-float("inf"), 0.0]]
print(json.dumps([
    given.add("4", None, [], "", 0),
    given.add("5", confidence([math.log(0.5), math.log(0.5)]), certain, "Wait, hmm.", 50),
    given.add("5", 0.25, certain, "so", 10),
    given.add("5", None, [], "so", 10),
    confidence([]),
], allow_nan=False))
`)
  const still = { marker_density: 0 }
  t.strictSame(added, [
    { answer_streak: 1, vote_share: 1, ...still },
    { entropy: 0, answer_streak: 1, confidence_delta: 0, confidence_max: 0.5, vote_share: 0.5, marker_density: 4 },
    { entropy: 0, answer_streak: 2, confidence_delta: -0.25, confidence_max: 0.5, vote_share: 2 / 3, ...still },
    { answer_streak: 3, confidence_max: 0.5, vote_share: 0.75, ...still },
  ].concat([null as never]))
})

/** A generation of 96 tokens, and rows of an engine. Calls have time, and nothing sleeps. */
const WORKER = `
patient, waits = post, []
post = lambda path, body, timeout: patient(path, body, 30)
time.sleep = waits.append
context = ${JSON.stringify(CONTEXT)}
tokens = 0
def generate(n):
    global tokens
    tokens = min(96, n)
    return tokens, tokens == 96
signals = Signals()
probe = lambda: ("4", 0.5, signals.add("4", 0.5, [[-0.1, -3.0]], "wait", 32))
def row(confidence, arm, **more):
    return {"id": "g", "tokens": 32, "confidence": confidence, "signals": {}, "arm": arm, "probed": None, **more}
running = [row(0.99, "treated"), row(0.99, "control", signals={"entropy": 0.2}), row(None, None), row(2, None), row(0.1, "treated")]
ran = run("python-1", context, generate, probe, lambda answer: answer == "4")
stop, probes = engine_step(context, running)
print(json.dumps({"ran": ran, "stop": stop, "probes": probes, "arms": [g["arm"] for g in running], "waits": waits}))
`

t.test('a worker and an engine step run against the service', async (t) => {
  const built = await build(t)
  await certify(built)
  const { arms, ...rest } = await python(WORKER, await built.app.listen({ port: 0 }))
  t.strictSame(rest, { ran: { accepted: 1, duplicates: 0, label_wanted: false }, stop: [0], probes: [1], waits: [] })
  t.match(arms, ['treated', 'control', /^(control|treated)$/, null, 'treated'], 'the bad row is left alone')
})

t.test('NaN and a refused context do not end the generation', async (t) => {
  const { app } = await build(t)
  const ran = await python(`
generate = lambda n: (min(96, n), n >= 96)
print(json.dumps([
    run("python-nan", ${JSON.stringify(CONTEXT)}, generate, lambda: ("4", float("nan"), {}), lambda answer: True),
    run("python-refused", {"nobody": "x"}, generate, lambda: ("4", 0.5, {}), lambda answer: True),
]))
`, await app.listen({ port: 0 }))
  t.match(ran, [{ accepted: 1, duplicates: 0, warnings: ['arm_missing'] }, null])
})

t.test('a worker reports a generation whose client went away as cancelled, and nothing of one that never asked', async (t) => {
  const { app } = await build(t)
  const sent = await python(`
sent, through = [], post
def post(path, body, timeout):
    sent.append(body)
    return through(path, body, 30)
def leave(n):
    if n > 32:
        raise ClientGone()
    return n, False
context, probe = ${JSON.stringify(CONTEXT)}, lambda: ("4", 0.5, {})
run("python-short", context, lambda n: (5, True), probe, lambda answer: True)
run("python-gone", context, leave, probe, lambda answer: True)
print(json.dumps(sent))
`, await app.listen({ port: 0 }))
  t.equal(sent.length, 2)
  t.strictSame(sent[1], { generation_id: 'python-gone', context: CONTEXT, arm: 'control', tokens: 32, cancelled: true })
})

t.test('a worker that decides by the bundle posts whom it enrols', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: '{}' })
  const url = await built.app.listen({ port: 0 })
  const enrolled = await python(`
enrolled, through = [], post
post = lambda path, body, timeout: enrolled.append(through(path, body, 30)["enrolled"])
bundle = json.load(urllib.request.urlopen("${url}/v1/bundle"))
started = Enrolments()
for i in range(20):
    started.add(bundle, ${JSON.stringify(CONTEXT)}, {"generation_id": f"local-{i}"})
for _ in range(500):
    if sum(enrolled) < 20:
        time.sleep(0.01)
print(json.dumps(sum(enrolled)))
`, url)
  t.equal(enrolled, 20)
  await until('they are enrolled', async () => (await built.send('GET', `/v1/contexts/${KEY}`)).body.follow_up?.enrolled === 20)
})

t.test('a worker in front of vLLM generates in pieces and probes aside', async (t) => {
  const asked: any[] = []
  /** Answers like vLLM's completions. The thought ends by itself in the third piece. */
  const server = createHttpServer((request, reply) => {
    let body = ''
    request.on('data', (data) => { body += data }).on('end', () => {
      const { prompt, max_tokens: most, ...more } = JSON.parse(body)
      asked.push({ prompt, most, ...more })
      const probed = prompt.endsWith('Final answer:')
      const ends = probed || prompt.endsWith('thought thought ')
      const logprobs = { token_logprobs: [Math.log(0.5)] }
      const choice = { text: probed ? ' 4' : 'thought ', finish_reason: ends ? 'stop' : 'length', logprobs }
      reply.end(JSON.stringify({ choices: [choice], usage: { completion_tokens: probed ? 1 : Math.min(most, 32) } }))
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const built = await build(t)
  const kept = await python(`
url, sent, through = ${JSON.stringify(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)}, [], post
def post(path, body, timeout):
    sent.append(body)
    return through(path, body, 30)
context = ${JSON.stringify(CONTEXT)}
one, short = VLLM(url, "m", "<think>", 8192), VLLM(url, "m", "<think>", 40)
run("vllm-1", context, one.generate, one.probe, lambda answer: answer == "4")
print(json.dumps({"outcome": sent[-1], "short": [short.generate(32), short.generate(64)]}))
`, await built.app.listen({ port: 0 }))
  const step = { confidence: 0.5, signals: {}, em: 1 }
  const steps = [{ tokens: 32, ...step }, { tokens: 64, ...step }]
  t.match(kept.outcome, { tokens: 96, em: 1, stopped: false, steps_complete: true, steps })
  t.strictSame(kept.short, [[32, false], [40, true]], 'it stays below its limit')
  t.match(asked.slice(0, 3), [
    { prompt: '<think>', most: 32, stop: ['</think>'] },
    { prompt: '<think>thought \n</think>\n\nFinal answer:', most: 16, temperature: 0 },
    { prompt: '<think>thought ', most: 32 },
  ], 'a probe leaves no trace in the generation')
})

t.test('with the service down generations go on, and the outcome is sent again', async (t) => {
  const { app } = await build(t)
  const url = await app.listen({ port: 0 })
  await app.close()
  t.strictSame(await python(WORKER, url), { ran: null, stop: [], probes: [], arms: ['treated', 'control', null, null, 'treated'], waits: [1, 2, 4, 8, 16] })
})

t.test('a reply that is cut off or not from the service counts as no reply', async (t) => {
  for (const reply of ['HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"stop":[0]', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi', 'hello\r\n\r\n']) {
    const server = createServer((socket) => { socket.on('error', () => {}).once('data', () => socket.end(reply)) }).listen(0, '127.0.0.1')
    t.teardown(() => server.close())
    await once(server, 'listening')
    const { stop, ran } = await python(WORKER, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    t.strictSame({ stop, ran }, { stop: [], ran: null })
  }
})
