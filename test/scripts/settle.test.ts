import { pathToFileURL } from 'node:url'
import t from 'tap'

const { settle } = await import(pathToFileURL('scripts/settle.mjs').href)

const red = (file: string) => ({ file, seconds: 1, isEnded: true, failures: [{ place: `${file}:1`, test: 'x', details: '' }] })
const green = (file: string) => ({ file, seconds: 1, isEnded: true, failures: [] })
const notStarted = (file: string) => ({ file, seconds: null, isEnded: false, failures: [] })
const never = () => false

/** Runs files again, which pass if they are named. */
function machine (passing: string[]) {
  const ran: string[] = []
  const run = async (files: string[]) => {
    ran.push(...files)
    return { passed: 10, files: files.map((file) => passing.includes(file) ? green(file) : red(file)) }
  }
  return { run, ran }
}

t.test('a file that passes when it runs again is unsteady, and one that fails again stands', async (t) => {
  const { run, ran } = machine(['a'])
  t.match(await settle([red('a'), red('b')], run, never), { standing: [{ file: 'b' }], unsteady: ['a'], passed: 10 })
  t.same(ran, ['a', 'b'])
})

t.test('a file that was excused before is not run again', async (t) => {
  const { run, ran } = machine(['a', 'b'])
  t.match(await settle([red('a'), red('b')], run, (file: string) => file === 'b'), { standing: [{ file: 'b' }], unsteady: ['a'] })
  t.same(ran, ['a'])
})

t.test('a file that never started runs, and is not unsteady', async (t) => {
  const hung = { ...green('hung'), isEnded: false }
  const verdict = await settle([hung, notStarted('after it'), notStarted('broken')], machine(['hung', 'after it']).run, never)
  t.match(verdict, { standing: [{ file: 'broken' }], unsteady: ['hung'] })
  t.equal(verdict.unsteady.length, 1)
})

t.test('many red files stand at once, and none costs nothing', async (t) => {
  const files = Array.from({ length: 9 }, (_, i) => `f${i}`)
  const { run, ran } = machine(files)
  t.equal((await settle(files.map(red), run, never)).standing.length, 9)
  t.same(await settle([], run, never), { standing: [], unsteady: [], passed: 0 })
  t.same(ran, [])
})
