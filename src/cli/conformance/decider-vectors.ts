import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { CommandIo } from '../command-line/command-io.js'
import { vectors } from '../vectors/vectors.js'
import { endOf, killCommand, startCommand } from './command-under-test.js'
import type { TapReport } from './tap-report.js'

/** Longest time to wait for an answer, ms. */
const PATIENCE_MS = 10_000

/** Largest relative difference of a predictor's score: `exp` and `log` differ between libraries. */
const TOLERANCE = 1e-12

/** Fields of a decision that must be answered. Others of the vectors are compared if they are answered. */
const REQUIRED = ['decision', 'arm', 'probe', 'next_check_tokens']

interface Case {
  readonly title: string
  readonly request: object
  readonly expected: Readonly<Record<string, unknown>>
  /** Fields that must be answered. */
  readonly required: readonly string[]
}

/** The vectors as requests with their answers. */
function cases (): Case[] {
  const all = vectors() as any
  const one = (title: string, request: object, expected: Record<string, unknown>, required = Object.keys(expected)): Case =>
    ({ title, request, expected, required })
  return [
    ...all.murmur3.map(({ text, hash }: any) => one('murmur3', { murmur3: text }, { hash })),
    ...all.draws.map(({ salt, id, u, second }: any) => one('draws', { draw: { salt, id } }, { u, second }, ['u'])),
    ...all.decisions.map(({ step, decision }: any) => one('decisions', { step }, decision, REQUIRED)),
  ]
}

/**
 * Sends each vector as a line of JSON to a command, and compares the line that it answers. The first line is `{"bundle": ...}`, to which
 * it answers `{}`.
 */
export async function runVectors (command: readonly string[], io: CommandIo, report: TapReport): Promise<void> {
  const child = await startCommand(command, io.env, io.stderr)
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
  const ask = async (request: object): Promise<any> => {
    child.stdin!.write(`${JSON.stringify(request)}\n`)
    const line = await Promise.race([lines.next(), delay(PATIENCE_MS, null, { ref: false })])
    if (line === null) throw new Error(`no answer within ${PATIENCE_MS / 1000} s to ${JSON.stringify(request).slice(0, 200)}`)
    if (line.done === true) throw new Error(`the command ended before it answered ${JSON.stringify(request).slice(0, 200)}`)
    return JSON.parse(line.value)
  }
  try {
    const { bundle } = vectors() as { bundle: object }
    report.comment('vectors: decisions from a bundle')
    const problems = new Map<string, string[]>()
    await ask({ bundle })
    for (const { title, request, expected, required } of cases()) {
      if (!problems.has(title)) problems.set(title, [])
      const differing = differences(await ask(request), expected, required)
      if (differing.length > 0) problems.get(title)!.push(`${JSON.stringify(request)}: ${differing.join(', ')}`)
    }
    for (const [title, found] of problems) report.add(`vectors: ${title} are those of the service`, { problems: found })
    child.stdin!.end()
    const problem = await endOf(child, PATIENCE_MS / 1000)
    report.add('vectors: the command ends with exit status 0 after the last line', { problems: problem === '' ? [] : [problem] })
  } catch (error) {
    report.add('vectors: every line is answered with a line of JSON', { problems: [(error as Error).message] })
  } finally {
    killCommand(child)
  }
}

function differences (answer: any, expected: Readonly<Record<string, unknown>>, required: readonly string[]): string[] {
  if (typeof answer !== 'object' || answer === null) return [`answered ${JSON.stringify(answer)}`]
  return Object.entries(expected)
    .filter(([field, value]) => (required.includes(field) || field in answer) && !isEqual(field, value, answer[field]))
    .map(([field, value]) => `${field} is ${JSON.stringify(value)}, answered ${JSON.stringify(answer[field])}`)
}

function isEqual (field: string, expected: unknown, given: unknown): boolean {
  if (field === 'score' && typeof expected === 'number' && typeof given === 'number') return Math.abs(given - expected) <= TOLERANCE * expected
  return JSON.stringify(expected) === JSON.stringify(given)
}
