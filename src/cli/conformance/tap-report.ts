import type { Verdict } from './checks.js'

/** The most problems of a check that are printed. */
const MOST_PROBLEMS = 10

/** Writes the results of checks as TAP (https://testanything.org), as they come. */
export class TapReport {
  private readonly counts = { passed: 0, failed: 0, skipped: 0 }

  /** @param write gets whole lines */
  constructor (private readonly write: (text: string) => void) {
    write('TAP version 14\n')
  }

  get hasFailed (): boolean { return this.counts.failed > 0 }

  add (title: string, verdict: Verdict): void {
    const isSkipped = 'skip' in verdict
    const problems = isSkipped ? [] : verdict.problems
    this.counts[isSkipped ? 'skipped' : problems.length === 0 ? 'passed' : 'failed']++
    const { passed, failed, skipped } = this.counts
    const directive = isSkipped ? ` # SKIP ${verdict.skip}` : ''
    this.write(`${problems.length === 0 ? 'ok' : 'not ok'} ${passed + failed + skipped} - ${title.replaceAll('#', '\\#')}${directive}\n`)
    if (problems.length > 0) this.write(diagnosticsOf(problems))
  }

  comment (text: string): void { this.write(`# ${text}\n`) }

  end (): void {
    const { passed, failed, skipped } = this.counts
    this.write(`1..${passed + failed + skipped}\n# ${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  }
}

function diagnosticsOf (problems: readonly string[]): string {
  const shown = problems.slice(0, MOST_PROBLEMS).map((problem) => `    - ${JSON.stringify(problem)}\n`)
  const rest = problems.length > MOST_PROBLEMS ? `    - ${JSON.stringify(`and ${problems.length - MOST_PROBLEMS} more`)}\n` : ''
  return `  ---\n  problems:\n${shown.join('')}${rest}  ...\n`
}
