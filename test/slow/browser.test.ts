import { mkdirSync } from 'node:fs'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { certify, CONTEXT, KEY, losslessOutcome, reportTo } from '../certify.js'
import { skip, startBrowser } from './chromium.js'
import { build, type Built } from '../helper.js'
import { ALL_CONTROL } from '../quick-policy.js'
import { bearer, tokenList, tokenOf } from '../token-fixtures.js'

/** CI makes screenshots, to be looked at. */
const SCREENSHOTS = 'screenshots'
const isLookedAt = process.env.CI !== undefined || process.env.SCREENSHOTS !== undefined
if (isLookedAt) mkdirSync(SCREENSHOTS, { recursive: true })

async function picture (page: Page, name: string): Promise<void> {
  if (isLookedAt) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true })
}

/** A service with data to show: a certified context, a learning context, a run in training. */
async function populated (t: Test): Promise<Built & { url: string }> {
  const built = await build(t, ALL_CONTROL)
  const { send } = built
  await certify(built)
  await reportTo(built, Array.from({ length: 40 }, (_, i) => losslessOutcome(`m-${i}`, { model: 'q', task: 'math' })))
  const checkpoints = Array.from({ length: 16 }, (_, i) => ({
    step: 100 * (i + 1), suite: 'gsm8k', n: 500, em: 0.8 - 0.25 / (i + 1), tokens_mean: 900 - 20 * i, tokens_p50: 800, tokens_p95: 1600,
  }))
  await send('POST', '/v1/training-runs/grpo/checkpoints', { checkpoints })
  return { ...built, url: await built.app.listen({ port: 0 }) }
}

t.test('in a browser', { skip }, async (t) => {
  const open = await startBrowser(t)

  t.test('Swagger UI runs the example of a decision', async (t) => {
    const { app } = await build(t)
    const { page, problems } = await open(`${await app.listen({ port: 0 })}/docs`)
    t.equal(await page.title(), 'stopgate')
    t.notOk(await page.locator('.topbar').isVisible(), 'the bar of Swagger UI is hidden')
    await page.locator('.opblock-summary', { hasText: 'Decide one step' }).click()
    const operation = page.locator('.opblock.is-open')
    await operation.getByRole('button', { name: 'Execute' }).click()
    const answer = operation.locator('.live-responses-table .response .highlight-code').first()
    await answer.waitFor()
    t.match(await answer.innerText(), /"reason": "no_threshold"/, 'the example runs unchanged')
    await refusesScripts(t, page, problems)
    await picture(page, 'docs')
    t.same(problems, [], 'the page loads nothing from elsewhere')
  })

  t.test('the page shows the fleet, changes a policy by clicks, and reports drift as it happens', async (t) => {
    const built = await populated(t)
    const { send, url } = built
    await send('POST', '/v1/decisions', { generation_id: 'why', arm: 'control', tokens: 32, confidence: 0.99, context: CONTEXT })
    const { page, problems } = await open(url)
    await page.getByRole('link', { name: KEY }).waitFor()
    await page.getByText('● live').waitFor()
    t.match(await page.locator('tr', { hasText: KEY }).innerText(), /certified[\s\S]*0\.00.pt of 2\.0.pt/)
    await picture(page, 'fleet-light')

    await page.getByRole('heading', { name: 'Fleet' }).click()
    await page.keyboard.press('/')
    await page.keyboard.type('gsm8k')
    await page.getByText('1–1 of 1').waitFor()
    await page.getByRole('link', { name: KEY }).press('Enter')
    await page.getByRole('img', { name: /EM drop against tokens saved/ }).waitFor()
    await page.getByText('As a table').first().press('Enter')
    t.ok(await page.getByRole('region', { name: /EM drop against tokens saved/ }).locator('tbody tr').count() > 1, 'a chart is also a table')
    await picture(page, 'context-light')

    await page.getByRole('button', { name: 'Mode …' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('shadow', { exact: true }).click()
    await dialog.getByLabel(/Reason/).fill('incident 42')
    await dialog.getByRole('button', { name: 'Show what it would do' }).click()
    await dialog.getByText('enforce → shadow').waitFor()
    t.match((await send('GET', `/v1/contexts/${KEY}/policy`)).body.policy, {}, 'a dry run changes nothing')
    if (isLookedAt) await page.screenshot({ path: `${SCREENSHOTS}/dialog-light.png` })
    await dialog.getByRole('button', { name: 'Do it' }).click()
    await page.locator('.badge.shadow').waitFor()
    t.match((await send('GET', `/v1/contexts/${KEY}/policy`)).body.policy, { mode: 'shadow' }, 'the policy is in force')
    t.match((await send('GET', '/v1/audit')).body.commands[0], { key: KEY, reason: 'incident 42' })

    await page.getByRole('link', { name: 'Fleet' }).first().click()
    const lost = Array.from({ length: 60 }, (_, i) => ({ ...losslessOutcome(`lost-${i}`), steps: [{ tokens: 32, confidence: 0.95, em: 0 }, { tokens: 64, confidence: 0.99, em: 0 }] }))
    await reportTo(built, lost)
    await page.locator('.alarms', { hasText: 'drift' }).getByRole('link', { name: KEY }).waitFor()
    await picture(page, 'alarm-light')
    await page.getByRole('link', { name: 'Generations' }).click()
    await page.getByLabel('Generation id').fill('why')
    await page.getByRole('button', { name: 'Find' }).click()
    await page.getByText(/At its last step, after 32 tokens, the decision was continue/).waitFor()
    await picture(page, 'generation-light')
    await refusesScripts(t, page, problems)
    t.same(problems, [], 'no error, and nothing from elsewhere')
  })

  t.test('a policy for one task across models is set, shown, changed and removed by clicks', async (t) => {
    const { url, send } = await populated(t)
    const { page, problems } = await open(`${url}/#/context/${encodeURIComponent(KEY)}`)
    const dialog = page.getByRole('dialog')
    const confirm = async (reason: string) => {
      await dialog.getByLabel(/Reason/).fill(reason)
      await dialog.getByRole('button', { name: 'Show what it would do' }).click()
      await dialog.getByRole('button', { name: 'Do it' }).click()
      await dialog.waitFor({ state: 'detached' })
    }
    const pattern = 'model=*,task=gsm8k'
    const stated = async () => (await send('GET', `/v1/contexts/${encodeURIComponent(pattern)}/policy`)).body.policy
    await page.getByRole('link', { name: `policy of ${pattern}` }).click()
    await page.getByText('No policy has this key yet.').waitFor()
    await page.getByRole('button', { name: 'Set a policy …' }).click()
    await dialog.locator('label', { hasText: 'max_em_drop' }).locator('input').fill('1')
    await dialog.getByLabel(/Reason/).fill('maths matters')
    await dialog.getByRole('button', { name: 'Show what it would do' }).click()
    await dialog.getByText(KEY, { exact: true }).first().waitFor()
    await picture(page, 'pattern-dialog')
    await dialog.getByRole('button', { name: 'Do it' }).click()
    await page.getByRole('cell', { name: /^1.pt$/ }).waitFor()
    t.match(await stated(), { max_em_drop: 0.01 })
    await picture(page, 'pattern')

    await page.goto(`${url}/#/context/${encodeURIComponent(KEY)}`)
    await page.getByRole('link', { name: pattern, exact: true }).waitFor()
    await picture(page, 'pattern-source')
    await page.getByRole('link', { name: pattern, exact: true }).click()
    await page.getByRole('button', { name: 'Policy …', exact: true }).click()
    await dialog.locator('label', { hasText: 'max_em_drop' }).locator('input').fill('1.5')
    await confirm('a bit less')
    await page.getByRole('cell', { name: /^1\.5.pt$/ }).waitFor()
    await page.getByRole('button', { name: 'Remove policy …' }).click()
    await confirm('over')
    await page.getByText('No policy has this key yet.').waitFor()
    t.same(await stated(), {})
    t.same(problems, [])
  })

  t.test('the page can be read on a phone and in the dark', async (t) => {
    const { url } = await populated(t)
    const { page, problems } = await open(url, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
    const views = [['fleet', '#/', KEY], ['context', `#/context/${encodeURIComponent(KEY)}`, 'Control against treated'], ['runs', '#/training', 'grpo'], ['run', '#/training/grpo', 'Suite gsm8k'], ['changes', '#/changes', 'Audit trail']] as const
    for (const [name, hash, text] of views) {
      await page.goto(`${url}/${hash}`)
      await page.getByText(text).first().waitFor()
      t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${name} is no wider than the phone`)
      t.ok(await page.evaluate('document.documentElement.scrollHeight <= 3 * innerHeight'), `${name} has three screens at most`)
      await picture(page, `${name}-phone-dark`)
      await page.setViewportSize({ width: 1280, height: 900 })
      await picture(page, `${name}-dark`)
      await page.setViewportSize({ width: 390, height: 844 })
    }
    t.match(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(14, 17, 22)')
    await page.getByRole('button', { name: /Colours/ }).click()
    t.match(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(245, 246, 248)')
    t.same(problems, [])
  })

  t.test('a new service shows the next step, also on a phone', async (t) => {
    const { app } = await build(t)
    const { page, problems } = await open(await app.listen({ port: 0 }), { viewport: { width: 390, height: 844 } })
    await page.getByText('Next step').waitFor()
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'it is no wider than the phone')
    await picture(page, 'empty-phone-light')
    t.same(problems, [])
  })

  t.test('the page asks for a token, keeps it in the tab, and shows the contexts that the token may see', async (t) => {
    const built = await build(t, { ...ALL_CONTROL, ACCESS_TOKENS: tokenList({ w: 'worker', q: 'operator model=q' }) })
    await reportTo(built, [losslessOutcome('a'), losslessOutcome('b', { model: 'r', task: 'x' })], bearer('w'))
    const { page, problems } = await open(await built.app.listen({ port: 0 }))
    await page.getByRole('textbox', { name: 'Token' }).fill(tokenOf('q'))
    await page.getByRole('button', { name: 'Use it' }).click()
    await page.getByRole('link', { name: KEY }).waitFor()
    t.equal(await page.locator('[aria-label=Contexts] tbody tr').count(), 1, 'no context of another tenant')
    await page.reload()
    await page.getByRole('link', { name: KEY }).waitFor()
    t.ok(problems.every((problem) => /401/.test(problem)), 'only the refusals without a token are reported')
  })
})

/** A script that someone injects must not run. The console reports it. */
async function refusesScripts (t: Test, page: Page, problems: string[]): Promise<void> {
  const refused = await page.evaluate(`new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', (event) => { resolve(event.violatedDirective) })
    document.body.appendChild(Object.assign(document.createElement('script'), { textContent: 'window.isPlanted = true' }))
  })`)
  t.equal(refused, 'script-src-elem', 'an injected script does not run')
  t.match(problems.splice(0), [/inline script/], 'the console reports the injected script')
}
