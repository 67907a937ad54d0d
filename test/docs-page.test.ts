import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import t from 'tap'
import { build } from './helper.js'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const skip = executablePath === undefined && 'no Chromium here: apt-get install chromium'
if (skip && process.env.CI) t.fail(skip)

t.test('Swagger UI runs the example of a decision', { skip }, async (t) => {
  const { app } = await build(t)
  const url = await app.listen({ port: 0 })
  const browser = await chromium.launch({
    executablePath: executablePath!,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  t.teardown(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 1200, height: 1400 } })
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text()) })
  page.on('requestfailed', (request) => problems.push(`${request.url()} ${request.failure()?.errorText}`))
  await page.goto(`${url}/docs`)
  t.equal(await page.title(), 'stopgate')
  t.notOk(await page.locator('.topbar').isVisible(), 'the bar of Swagger UI is hidden')

  await page.locator('.opblock-summary', { hasText: 'Decide one step' }).click()
  const operation = page.locator('.opblock.is-open')
  await operation.getByRole('button', { name: 'Execute' }).click()
  const answer = operation.locator('.live-responses-table .response .highlight-code').first()
  await answer.waitFor()
  t.match(await answer.innerText(), /"reason": "no_threshold"/, 'the example runs unchanged')

  const refused = await page.evaluate(`new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', (event) => { resolve(event.violatedDirective) })
    document.body.appendChild(Object.assign(document.createElement('script'), { textContent: 'window.isPlanted = true' }))
  })`)
  t.equal(refused, 'script-src-elem', 'an injected script does not run')
  t.match(problems.splice(0), [/inline script/], 'the console reports the injected script')

  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT })
  t.same(problems, [], 'the page loads nothing from elsewhere')
})
