import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { temporaryFolder } from './helper.js'

const run = promisify(execFile)
const folder = await temporaryFolder(t)
await writeFile(join(folder, 'mmh3.py'), await readFile('test/mmh3.py'))

/** Runs the Python that README shows, all of it, and then more; what that printed as JSON is returned. */
async function python (more: string): Promise<any> {
  const shown = [...(await readFile('README.md', 'utf8')).matchAll(/^```python\n(.*?)^```$/gms)].map(([, code]) => code)
  t.ok(shown.length >= 4, 'found')
  const file = join(folder, 'worker.py')
  await writeFile(file, [...shown, more].join('\n'))
  const { stdout } = await run('python3', [file], { env: { ...process.env, PYTHONPATH: folder }, maxBuffer: 1e8 })
  return JSON.parse(stdout)
}

t.test('a worker that goes by the bundle decides as the vectors say', async (t) => {
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
newer = {**bundle, "format": bundle["format"] + 1}
if any(should_stop(newer, c["step"].get("context", {}), "treated", 1e6, 1, {}) for c in vectors["decisions"]):
    wrong.append("a newer format")
print(json.dumps(wrong))
`)
  t.same(wrong, [])
})
