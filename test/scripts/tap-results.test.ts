import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import t from 'tap'

const { readTap } = await import(pathToFileURL('scripts/tap-results.mjs').href)

/** Reads TAP of suites, which are given with the files that they run. */
async function read (tap: string, filesOf: Record<string, string[]>) {
  const suites: Record<string, any> = {}
  const texts: string[] = []
  await readTap(Readable.from([tap]), {
    filesOf: (name: string) => filesOf[name],
    onSuite: (name: string, suite: object) => { suites[name] = suite },
    onText: (text: string) => texts.push(text),
  })
  return { suites, texts }
}

t.test('assertions count once, however deep, and the lines that sum up a test do not', async (t) => {
  const { suites: { 'a.test.js': suite } } = await read(`TAP version 14
1..1
# Subtest: a.test.js
    # Subtest: outer
        # Subtest: inner
            not ok 1 - numbers
              ---
              at:
                fileName: test/a.test.ts
                lineNumber: 7
              diff: |
                -2
                +1
              ...
            ok 2 - fine
            1..2
        not ok 1 - inner # time=18.304ms
        1..1
    not ok 1 - outer # time=29.164ms
    # Subtest: calm
        ok 1 - also fine
        1..1
    ok 2 - calm # time=1ms
    ok 3 - without Redis # SKIP no redis-server
    ok 4 - later # TODO
    1..4
not ok 1 - a.test.js # time=1500ms
`, { 'a.test.js': ['a.test.js'] })
  t.match(suite, { seconds: 1.5, passed: 3, skipped: ['a.test.js: without Redis (no redis-server)'] })
  const [{ failures }] = suite.files
  t.match(failures, [{ place: 'test/a.test.ts:7', test: 'outer > inner > numbers', details: /diff: \|\n {2}-2/ }])
  t.equal(failures.length, 1)
})

t.test('in a folder, failures belong to the file that ran, and files that did not start are named', async (t) => {
  const { suites: { folder } } = await read(`TAP version 14
# Subtest: folder
    # file a.test.js
    ok 1 - one
    # file a.test.js ended after 250 ms
    # file b.test.js
    # Subtest: hangs
        not ok 1 - test unfinished
        1..1
    not ok 2 - hangs # time=125ms
    1..2
not ok 1 - folder # time=146.702ms
  ---
  exitCode: 1
  ...
1..1
`, { folder: ['a.test.js', 'b.test.js', 'c.test.js'] })
  t.match(folder.files, [
    { file: 'a.test.js', seconds: 0.25, isEnded: true, failures: [] },
    { file: 'b.test.js', isEnded: false, failures: [{ place: 'b.test.js', test: 'hangs > test unfinished' }] },
    { file: 'c.test.js', seconds: null, isEnded: false, failures: [] },
  ])
})

t.test('a process that fails without a failed assertion is a failure of the file that it ran', async (t) => {
  const { suites, texts } = await read(`TAP version 14
# Subtest: folder
    # file a.test.js
    ok 1 - one
    # file a.test.js ended after 250 ms
    # file b.test.js
    1..1
not ok 1 - folder # time=146.702ms
  ---
  signal: SIGSEGV
  ...
Segmentation fault
not ok 2 - silent.test.js # time=2ms
  ---
  exitCode: 7
  ...
1..2
`, { folder: ['a.test.js', 'b.test.js'], 'silent.test.js': ['silent.test.js'] })
  t.match(suites.folder.files, [{ failures: [] }, { failures: [{ test: 'its process failed', details: /SIGSEGV/ }] }])
  t.match(suites['silent.test.js'].files, [{ isEnded: true, failures: [{ details: /exitCode: 7/ }] }])
  t.match(texts.join(''), 'Segmentation fault')
})
