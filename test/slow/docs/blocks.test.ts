import { execFileSync, spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { readRecordedRun } from '../../../src/cli/traces/read-traces.js'
import { redisAddress } from '../../../src/store/redis/redis-address.js'
import { certify } from '../../certify.js'
import { exportedMetrics, metricsIn } from '../../docker/exported-metrics.js'
import { build, temporaryFolder, until, type Built } from '../../helper.js'
import { blocksOf, PAGES, readPage, type Block } from '../../docs/pages.js'
import { ALL_CONTROL } from '../../quick-policy.js'
import { openShell, type Shell } from '../../docs/run-bash.js'

/** Bash blocks that cannot run here, by how they begin. Their syntax is checked. */
const NOT_RUN: ReadonlyArray<{ readonly starts: string, readonly reason: string }> = [
  { starts: 'pip ', reason: 'clients/python/run-tests installs it' },
  { starts: 'stopgate grade ', reason: 'no judge; see clients/python/tests/test_grading_worker.py' },
  { starts: 'npm ', reason: 'npm would install, or test within a test' },
  { starts: 'git tag ', reason: 'it publishes' },
  { starts: 'docker ', reason: 'no Docker engine' },
  { starts: 'kubectl ', reason: 'no cluster' },
  { starts: 'curl -s localhost:8000/', reason: 'no vLLM; research/engines/run-engines.ts asks one' },
  { starts: 'npx stopgate import "$(ls /exports', reason: 'no exports; see cli/import.test.ts' },
  { starts: 'npx stopgate conformance ', reason: 'no worker; see python-conformance.test.ts' },
  { starts: 'npx stopgate proxy ', reason: 'no model server; proxy/proxy-under-test.ts starts one' },
  { starts: 'npx stopgate estimate http', reason: 'no model server; see cli/estimate/ask-server.test.ts' },
]

/** Text blocks have no language; each is a drawing, or what the named test reads. */
const TEXT: Readonly<Record<string, string>> = {
  'README.md': 'a drawing',
  'ARCHITECTURE.md': 'a drawing',
  'docs/concepts/certificate.md': 'a drawing',
  'docs/operate/redis.md': 'URLs: below; rights: store/redis-store.test.ts',
  'docs/integrate/worker.md': 'openapi-clients.test.ts',
  'docs/integrate/conformance.md': 'cli/conformance/conformance.test.ts',
  'docs/reference/cli.md': 'docs/generated-pages.test.ts',
  'docs/reference/proxy.md': 'docs/generated-pages.test.ts',
}

/** Fields of requests to vLLM with the plug-in, which look like metrics. */
const REQUEST_FIELDS = ['stopgate_context', 'stopgate_group', 'stopgate_samples', 'stopgate_gold']

/** Stands after `json` where the reply has the fields shown, with other values. */
const SHAPE = 'shape'

const KNOWN = { model: 'qwen3-8b', task: 'gsm8k' }
const blocks = PAGES.flatMap(blocksOf)
const ofLanguage = (language: string) => blocks.filter((block) => block.language === language)
const place = ({ page, line }: Block) => `${page}:${line}`
const isRun = ({ language, code }: Block) => language === 'bash' && !NOT_RUN.some(({ starts }) => code.startsWith(starts))

/**
 * Where a shown reply differs from a real one. Numbers and times may have other values; parts that are not shown may be anything.
 * @param isShape compare the names of fields alone, for replies whose values need more data than a test has
 */
function differences (shown: unknown, real: unknown, isShape: boolean, path = 'reply'): string[] {
  if (isShape && real === null) return []
  if (shown !== null && typeof shown === 'object' && real !== null && typeof real === 'object') {
    return Object.entries(shown).flatMap(([name, value]) => differences(value, (real as Record<string, unknown>)[name], isShape, `${path}.${name}`))
  }
  const isTime = (value: unknown) => typeof value === 'string' && !Number.isNaN(Date.parse(value)) && /^\d{4}-/.test(value)
  if (typeof shown === 'number' && typeof real === 'number') return []
  if (isTime(shown) && isTime(real)) return []
  return shown === real || (isShape && real !== undefined) ? [] : [`${path} is ${JSON.stringify(real)}, not ${JSON.stringify(shown)}`]
}

/** Blocks that go on until they are stopped, and when the next block may run. */
async function startInBackground (shell: Shell, { code }: Block, { send }: Built): Promise<boolean> {
  if (/npm start(\s*#.*)?$/.test(code.trim())) {
    await shell.start(code)
    await until('the service of the page serves', () => fetch(`${shell.ownUrl}/readyz`).then(({ ok }) => ok, () => false))
    return true
  }
  if (/--follow(\s*#.*)?$/.test(code.trim())) {
    await shell.start(code)
    await until('the followed file is reported', async () => JSON.stringify((await send('GET', '/v1/training-runs')).body).includes('1400'))
    return true
  }
  return false
}

/** Whether a block can be run again without harm. */
function isRead ({ code }: Block): boolean { return /^curl -s '?localhost[^ ]*$/.test(code.trim()) }

/** Waits until the learner has folded what earlier blocks sent, or gives up. */
async function caughtUp (shell: Shell, block: Block, { code: shown, info }: Block): Promise<void> {
  await until('the reply is as shown', async () => {
    const { code, stdout } = await shell.run(block.code)
    return code === 0 && differences(JSON.parse(shown), JSON.parse(stdout), info === SHAPE).length === 0
  }, 10).catch(() => {}) // the difference is reported below
}

async function serviceFor (t: Test, page: string): Promise<Built> {
  if (page === 'README.md') return await build(t, ALL_CONTROL) // it shows a generation that is control
  const built = await build(t)
  await certify(built, KNOWN)
  return built
}

/** The folder of a store whose service has stopped, for the pages about commands that read one. */
async function stoppedStore (t: Test): Promise<string> {
  const folder = await temporaryFolder(t)
  const built = await build(t, { DATA_DIR: folder })
  await certify(built, KNOWN)
  await built.app.close()
  return folder
}

for (const page of PAGES) {
  const ofPage = blocksOf(page)
  if (!ofPage.some((block) => isRun(block) || (block.language === 'json' && block.info !== ''))) continue
  t.test(`the commands and requests of ${page} do what it says`, async (t) => {
    const built = await serviceFor(t, page)
    const url = await built.app.listen({ port: 0 })
    const shell = await openShell(t, url, page.endsWith('backup.md') ? { DATA_DIR: await stoppedStore(t) } : {})
    let printed: string | null = null
    for (const [i, block] of ofPage.entries()) {
      const before: string | null = printed
      printed = null
      if (isRun(block) && !await startInBackground(shell, block, built)) {
        const reply = ofPage[i + 1]
        if (reply?.language === 'json' && reply.isContinued && isRead(block)) await caughtUp(shell, block, reply)
        const { code, stdout, stderr } = await shell.run(block.code)
        t.equal(code, 0, `${place(block)} ends well: ${stderr}${code === 0 ? '' : stdout}`)
        printed = stdout
      }
      if (block.language !== 'json') continue
      const shown = JSON.parse(block.code)
      if (block.info !== '' && block.info !== SHAPE) {
        const [method, path] = block.info.split(' ') as ['POST', string]
        const { status, body } = await built.send(method, path, shown)
        t.ok(status < 300, `${place(block)} is answered ${status} ${JSON.stringify(body)}`)
      } else if (before !== null && block.isContinued) {
        t.same(differences(shown, JSON.parse(before), block.info === SHAPE), [], `${place(block)} is the reply to the command above it`)
      }
    }
  })
}

t.test('bash that cannot run here has no syntax error', async (t) => {
  for (const block of ofLanguage('bash').filter((block) => !isRun(block))) {
    const { status, stderr } = spawnSync('bash', ['-n', '-c', block.code], { encoding: 'utf8' })
    t.equal(status, 0, `${place(block)} ${stderr}`)
  }
})

t.test('JSON and YAML parse', async (t) => {
  for (const block of ofLanguage('json')) t.doesNotThrow(() => JSON.parse(block.code), place(block))
  for (const block of ofLanguage('yaml')) t.doesNotThrow(() => parse(block.code), place(block))
})

t.test('lines of a trace are outcomes that evaluate takes', async (t) => {
  for (const block of ofLanguage('jsonl')) {
    for (const [i, line] of block.code.trim().split('\n').entries()) t.doesNotThrow(() => readRecordedRun(`${place(block)}, ${i + 1}`, line))
  }
})

t.test('Python needs the standard library, the client and, for rollouts, TRL alone', async (t) => {
  const code = `import ast, json, sys
def imported(code):
    tree = ast.parse(code)
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return sorted({name.split('.')[0] for name in names} - sys.stdlib_module_names - {'stopgate', 'trl'})
print(json.dumps({place: imported(code) for place, code in json.load(sys.stdin).items()}))`
  const blocks = Object.fromEntries(ofLanguage('python').map((block) => [place(block), block.code]))
  const imported = JSON.parse(execFileSync('python3', ['-c', code], { input: JSON.stringify(blocks), encoding: 'utf8' }))
  for (const place of Object.keys(blocks)) t.same(imported[place], [], place)
})

t.test('every metric that a page names is exported, and queries are balanced', async (t) => {
  const exported = await exportedMetrics(t)
  for (const page of PAGES) {
    const metrics = metricsIn(readPage(page)).filter((name) => !REQUEST_FIELDS.includes(name))
    for (const name of metrics) t.ok(name.startsWith('process_') || exported.has(name), `${page} names ${name}`)
  }
  const queries = ofLanguage('promql')
  t.ok(queries.length > 0, 'queries were found')
  for (const block of queries) {
    const opened = [...block.code.matchAll(/[([{]/g)].length
    t.equal([...block.code.matchAll(/[)\]}]/g)].length, opened, `${place(block)} closes what it opens: ${block.code}`)
  }
})

t.test('every text block is a drawing, or is checked elsewhere', async (t) => {
  for (const block of ofLanguage('text')) t.ok(block.page in TEXT, place(block))
})

t.test('the service accepts every Redis URL', async (t) => {
  const urls = ofLanguage('text').flatMap(({ code }) => code.match(/^rediss?(\+\w+)?:\S+$/gm) ?? [])
  t.equal(urls.length, 3)
  for (const url of urls) t.doesNotThrow(() => redisAddress(url), url)
})
