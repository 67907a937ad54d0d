import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'

/** Stands for the organisation until the project has a repository. Written in two parts, so that this file does not hold it. */
const PLACEHOLDER = 'your_' + 'organisation'

const read = (file: string) => readFileSync(file, 'utf8')

const OF_GITHUB = readdirSync('.github', { recursive: true, encoding: 'utf8' }).map((file) => join('.github', file))
const workflows = OF_GITHUB.filter((file) => file.startsWith('.github/workflows/') && file.endsWith('.yml'))

interface Step { readonly uses?: string, readonly run?: string }
interface Job { readonly 'timeout-minutes'?: number, readonly permissions?: unknown, readonly if?: string, readonly environment?: string, readonly steps: Step[] }

t.test('docs/releasing.md lists every file with the placeholder', async (t) => {
  const files = ['package.json', 'README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'clients/python/pyproject.toml', 'clients/python/README.md', 'Dockerfile',
    ...OF_GITHUB.filter((file) => /\.\w+$|CODEOWNERS$/.test(file))]
  const listed = [...read('docs/releasing.md').matchAll(/^\* `([^`]+)` \(/gm)].map(([, file]) => file)
  t.same(files.filter((file) => read(file).includes(PLACEHOLDER)).sort(), listed.sort())
})

t.test('the service and the Python client have one version', async (t) => {
  const [, version] = /^version = "(.+)"$/m.exec(read('clients/python/pyproject.toml'))!
  t.equal(version, JSON.parse(read('package.json')).version)
})

t.test('nothing installs the name that belongs to another project on PyPI', async (t) => {
  const [, name] = /^name = "(.+)"$/m.exec(read('clients/python/pyproject.toml'))!
  t.equal(name, 'stopgate-client')
  t.match(read('clients/python/src/stopgate/__init__.py'), `version("${name}")`)
  const of = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file))
  const files = ['README.md', 'clients/python/README.md', ...['docs', 'docker', 'examples', 'clients/python/src', 'scripts', '.github'].flatMap(of)]
    .filter((file) => statSync(file).isFile())
  const foreign = /\bpip3? install\b[^\n]*[ '"]stopgate(?![-\w/])/
  t.match("pip install 'stopgate[hf]'", foreign)
  t.match('pip install stopgate==0.2.0', foreign)
  t.notMatch("pip install 'stopgate-client[hf]'", foreign)
  for (const file of files) t.notMatch(read(file), foreign, file)
  for (const [, own] of read('clients/python/pyproject.toml').matchAll(/"(stopgate[\w-]*)\[/g)) t.equal(own, name, 'extras name the package itself')
})

t.test('every YAML file of GitHub parses', async (t) => {
  const files = OF_GITHUB.filter((file) => file.endsWith('.yml'))
  t.ok(files.length > 3)
  for (const file of files) t.doesNotThrow(() => parse(read(file)), file)
})

t.test('workflows may only read, pin the commits of actions, and end in time', async (t) => {
  t.ok(workflows.length > 0)
  for (const file of workflows) {
    const { permissions, concurrency, jobs } = parse(read(file))
    t.same(permissions, { contents: 'read' }, file)
    t.ok(concurrency.group, file)
    for (const [name, job] of Object.entries<Job>(jobs)) {
      t.ok(job['timeout-minutes'], `${file}: ${name} has a time limit`)
      if (job.permissions !== undefined) {
        t.match(job, { if: "github.ref_type == 'tag'", environment: 'release' }, `${file}: ${name} may write only to publish a tag that was approved`)
      }
      for (const { uses } of job.steps) {
        if (uses !== undefined) t.match(uses, /^(?:actions|docker)\/[\w-]+@[0-9a-f]{40}$/, `${file}: ${name}`)
      }
    }
  }
})

t.test('each pinned action states its version, and has one commit in all workflows', async (t) => {
  const pins = new Map<string, string>()
  for (const [line, action = '', pin = ''] of workflows.flatMap((file) => [...read(file).matchAll(/uses: ([^@\s]+)@(.*)/g)])) {
    t.match(pin, /^[0-9a-f]{40} # v\d+\.\d+\.\d+$/, line)
    t.equal(pins.get(action) ?? pin, pin, action)
    pins.set(action, pin)
  }
  t.ok(pins.size > 5)
})

t.test('a tag that does not fit the version or the changelog is not released', async (t) => {
  const { version } = JSON.parse(read('package.json'))
  const check = (tag: string) => spawnSync('scripts/ci/check-tag', [tag], { encoding: 'utf8' })
  t.match(check('v99.0.0'), { status: 1, stderr: `the tag is v99.0.0, but the version is ${version}` })
  const isReleased = read('CHANGELOG.md').includes(`## [${version}] - `)
  t.match(check(`v${version}`), isReleased ? { status: 0 } : { status: 1, stderr: /CHANGELOG.md has no section/ })
})

t.test('every script that CI or npm starts exists, and CI can start it', async (t) => {
  const started = [...['.ci/run', ...workflows].map(read), ...Object.values<string>(JSON.parse(read('package.json')).scripts), read('scripts/ci/check.mjs')]
  const scripts = new Set(started.flatMap((text) => text.match(/\b(?:scripts|clients\/python)\/[\w/.-]*[\w-]/g) ?? []))
  t.ok(scripts.has('scripts/ci/check.mjs') && scripts.has('scripts/build.mjs'))
  for (const script of scripts) {
    t.ok(existsSync(script), script)
    if (script.startsWith('scripts/ci/') && !script.endsWith('.mjs')) t.doesNotThrow(() => { accessSync(script, constants.X_OK) }, script)
  }
})
