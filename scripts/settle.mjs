// Tells a fault from weather: which red test files fail CI, and which are excused.

/** If more files fail, it is not the machine's fault, and running them again would only take time. */
const MOST_RUN_AGAIN = 8

export const isRed = ({ isEnded, failures }) => !isEnded || failures.length > 0

/**
 * Runs each red test file once more, alone. One that passes then is unsteady and fails nothing. A file that was excused before was to be
 * mended, so it is not run again.
 * @param {import('./tap-results.mjs').FileResult[]} red files that failed or did not run to their end
 * @param {(files: string[]) => Promise<{ passed: number, files: import('./tap-results.mjs').FileResult[] }>} run runs files one by one
 * @param {(file: string) => boolean} wasExcused whether a file is listed in test/unsteady
 * @returns the red files that stand, the names of the unsteady ones, and the assertions that passed
 */
export async function settle (red, run, wasExcused) {
  if (red.length === 0 || red.length > MOST_RUN_AGAIN) return { standing: red, unsteady: [], passed: 0 }
  const refused = red.filter(({ file }) => wasExcused(file))
  const again = red.filter(({ file }) => !wasExcused(file))
  const { passed, files } = again.length === 0 ? { passed: 0, files: [] } : await run(again.map(({ file }) => file))
  const standing = [...refused, ...files.filter(isRed)]
  // A file that never started, since another one hung, has run for the first time now.
  const hadFailed = ({ seconds, failures }) => seconds !== null || failures.length > 0
  const unsteady = again.filter((result) => hadFailed(result) && !standing.some(({ file }) => file === result.file)).map(({ file }) => file)
  return { standing, unsteady, passed }
}
