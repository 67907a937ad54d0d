import { existsSync } from 'node:fs'
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core'
import t, { type Test } from 'tap'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

/** Why tests with a browser are skipped; `false`: they are not. */
export const skip = executablePath === undefined && 'no Chromium here: apt-get install chromium'
if (skip && process.env.CI) t.fail(skip)

const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
]
/** Most of the time that a step takes is that of other tests, on a busy machine. */
const TIMEOUT_MS = 120_000

export interface Opened {
  readonly page: Page
  /** Whatever the console reports, failed requests, and requests to other hosts. */
  readonly problems: string[]
}

/**
 * Starts the one browser of these tests.
 * @param more arguments of Chromium
 * @returns opens a page of it, with cookies and storage of its own
 */
export async function startBrowser (
  t: Pick<Test, 'teardown'>, more: readonly string[] = []): Promise<(url: string, options?: BrowserContextOptions) => Promise<Opened>> {
  const browser = await chromium.launch({ executablePath: executablePath!, args: [...ARGUMENTS, ...more] })
  t.teardown(() => browser.close())
  return async (url, options = {}) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 }, ...options })
    page.setDefaultTimeout(TIMEOUT_MS)
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text()) })
    page.on('requestfailed', (request) => {
      const { errorText } = request.failure()!
      if (errorText !== 'net::ERR_ABORTED') problems.push(`${request.url()} ${errorText}`) // the page was left
    })
    const { host } = new URL(url)
    page.on('request', (request) => { if (/^(http|ws)/.test(request.url()) && new URL(request.url()).host !== host) problems.push(request.url()) })
    await page.goto(url)
    return { page, problems }
  }
}
