import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { firstLine, lastLine, registered } from './child-processes.js'
import { PYTHON } from './start-engine.js'
import { CLIENT, type ModelName } from './play-transformers.js'

interface JudgeOptions {
  /** Of the service. */
  readonly url: string
  /** For the journals of the graders. */
  readonly folder: string
  readonly model: ModelName
  readonly tasks: readonly string[]
  readonly generations: number
  readonly seed: number
  /** Share of the judge's replies that are wrong. */
  readonly wrong: number
}

/** The counts of all graders together, by name. */
type GraderFigures = Readonly<Record<string, number>>

export interface RunningJudge {
  /** Ends judge and graders, which show their counts. */
  readonly end: () => Promise<GraderFigures>
  readonly kill: () => void
}

/**
 * Starts a judge that knows the right answers, and a `stopgate grade` for each task that asks it.
 * @throws if the judge ends at the start; `end` throws if a grader has ended without counts
 */
export async function startJudge (options: JudgeOptions): Promise<RunningJudge> {
  const { url, folder, model, tasks, generations, seed, wrong } = options
  const start = (args: readonly string[]) => registered(spawn(PYTHON, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...CLIENT } }))
  const of = ['--model', model, '--generations', String(generations), '--seed', String(seed), '--wrong', String(wrong)]
  const judge = start(['research/engines/gold_judge.py', ...of, ...tasks.flatMap((task) => ['--task', task])])
  const address = await firstLine(judge, 'the judge')
  const graders = tasks.map((task) => start([
    '-m', 'stopgate.grading', 'grade', '--grader', 'judge', '--judge-url', `${address}/v1`, '--judge-model', 'gold', '--url', url,
    '--context', `model=reasoner,task=${task}`, '--journal', join(folder, `grades-${task}.jsonl`), '--json',
  ]))
  const counts = graders.map(lastLine)
  return {
    kill: () => { for (const child of [judge, ...graders]) child.kill('SIGKILL') },
    async end () {
      for (const grader of graders) grader.kill('SIGTERM')
      const all = (await Promise.all(counts)).map(figuresOf)
      judge.kill()
      const names = Object.keys(all[0] ?? {})
      return Object.fromEntries(names.map((name) => [name, all.reduce((sum, figures) => sum + (figures[name] ?? 0), 0)]))
    },
  }
}

function figuresOf (line: string): GraderFigures {
  if (!line.startsWith('{')) throw new Error('a grader ended without its counts: it has said why')
  return JSON.parse(line) as GraderFigures
}
