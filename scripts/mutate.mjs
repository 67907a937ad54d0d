// npm run mutate -- [--per-file 3] [--seed 1] FOLDER...: breaks the code in small ways and lists the changes that no test notices.
// It changes the compiled files of src in place, one change at a time, and restores them, so run nothing else meanwhile. Each change is
// tried with the tests that mirror the file, then with those of the mirroring folder, then with all tests of its part of src.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { node } from './run-program.mjs'
import { isTest, together } from './test-files.mjs'

const OUTPUT = 'dist/tests'
/** Tests that take longer than this hang, ms: the change is noticed. */
const HANGS_MS = 300_000

const { values, positionals } = parseArgs({
  allowPositionals: true, options: { 'per-file': { type: 'string', default: '3' }, seed: { type: 'string', default: '1' } },
})
const folders = positionals.length > 0 ? positionals : ['src/core/decide', 'src/core/stats', 'src/store', 'src/proxy']
const { SyntaxKind } = ts

const OPPOSITES = new Map([
  [SyntaxKind.LessThanToken, '<='], [SyntaxKind.LessThanEqualsToken, '<'], [SyntaxKind.GreaterThanToken, '>='],
  [SyntaxKind.GreaterThanEqualsToken, '>'], [SyntaxKind.EqualsEqualsEqualsToken, '!=='], [SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [SyntaxKind.AmpersandAmpersandToken, '||'], [SyntaxKind.BarBarToken, '&&'], [SyntaxKind.PlusToken, '-'], [SyntaxKind.MinusToken, '+'],
  [SyntaxKind.AsteriskToken, '/'], [SyntaxKind.SlashToken, '*'], [SyntaxKind.QuestionQuestionToken, '&&'],
])

/** All changes of a file: `{ start, end, text }`, each in the place of what stands there. */
function changesOf (code) {
  const changes = []
  const file = ts.createSourceFile('x.js', code, ts.ScriptTarget.Latest, true)
  const add = (from, text) => changes.push({ start: from.getStart(file), end: from.getEnd(), text })
  const visit = (item) => {
    const opposite = ts.isBinaryExpression(item) ? OPPOSITES.get(item.operatorToken.kind) : undefined
    if (opposite !== undefined) add(item.operatorToken, opposite)
    if (ts.isIfStatement(item) || ts.isConditionalExpression(item)) {
      const condition = item.expression ?? item.condition
      add(condition, `!(${condition.getText(file)})`)
    }
    if (ts.isExpressionStatement(item) && !ts.isStringLiteral(item.expression) && item.parent !== file) add(item, ';')
    if (ts.isNumericLiteral(item)) add(item, `(${item.text} + 1)`)
    if (item.kind === SyntaxKind.TrueKeyword) add(item, 'false')
    if (item.kind === SyntaxKind.FalseKeyword) add(item, 'true')
    ts.forEachChild(item, visit)
  }
  visit(file)
  return changes
}

/** Some of the changes, spread over the file and the same for the same seed. */
function some (changes, count, seed) {
  const step = changes.length / count
  return changes.length <= count ? changes : Array.from({ length: count }, (_, i) => changes[Math.floor((i + (seed * 0.618) % 1) * step)])
}

/** The options of .taprc for the process of a test file. */
const NODE_OPTIONS = ['--enable-source-maps', '--max-semi-space-size=64']

/** @returns whether a test file passes */
function passes (file) {
  return new Promise((resolve) => {
    // Without tap's command line, a test file ends after 30 seconds unless it is told otherwise.
    const env = { ...process.env, TAP_TIMEOUT: String(HANGS_MS / 1000) }
    const child = spawn(process.execPath, [...NODE_OPTIONS, file], { stdio: 'ignore', detached: true, env })
    const end = () => { try { process.kill(-child.pid, 'SIGKILL') } catch {} }
    const timer = setTimeout(end, HANGS_MS)
    child.once('exit', (code) => {
      clearTimeout(timer)
      end() // what the tests left running
      resolve(code === 0)
    })
  })
}

/** The test files to try for a source file, the nearest first. */
function testsOf (file) {
  const mirror = file.replace('src/', 'test/')
  const own = join(OUTPUT, mirror.replace(/\.ts$/, '.test.js'))
  const folder = join(OUTPUT, dirname(mirror))
  const near = existsSync(folder) ? readdirSync(folder).filter(isTest).map((name) => join(folder, name)) : []
  const [, part] = mirror.split('/')
  return [...new Set([own, ...near].filter(existsSync)), together(part)]
}

const sources = (folder) => statSync(folder).isFile()
  ? [folder]
  : readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).sort().map((name) => join(folder, name))

await node('scripts/compile.mjs')
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)) // the file that is changed is restored
const unsound = new Set() // tests that fail on the code as it is
const sound = new Set()
let [tried, survived] = [0, 0]
for (const source of folders.flatMap(sources)) {
  const compiled = join(OUTPUT, source.replace(/\.ts$/, '.js'))
  const code = readFileSync(compiled, 'utf8')
  process.once('exit', () => writeFileSync(compiled, code))
  const tests = testsOf(source)
  for (const test of tests) if (!sound.has(test) && !unsound.has(test)) (await passes(test) ? sound : unsound).add(test)
  for (const { start, end, text } of some(changesOf(code), Number(values['per-file']), Number(values.seed))) {
    writeFileSync(compiled, code.slice(0, start) + text + code.slice(end))
    let isNoticed = false
    for (const test of tests) if (sound.has(test) && (isNoticed = !await passes(test))) break
    tried++
    if (isNoticed) continue
    survived++
    const line = code.slice(0, start).split('\n').length
    console.log(`${compiled}:${line}: ${code.split('\n')[line - 1].trim()}\n    with ${JSON.stringify(text)} for ${JSON.stringify(code.slice(start, end))}`)
  }
  writeFileSync(compiled, code)
  process.stderr.write(`${source}: ${survived} of ${tried} changes unnoticed so far\n`)
}
for (const test of unsound) console.log(`${test} fails without any change, and was not used`)
console.log(`${survived} of ${tried} changes were not noticed`)
