import t from 'tap'
import { losslessOutcome, report } from '../certify.js'
import { build } from '../helper.js'
import { ALL_CONTROL } from '../quick-policy.js'
import { bearer, tokenList, tokenOf } from '../token-fixtures.js'
import { openPage, type Service } from './open-page.js'
import { serviceWith } from './replies.js'

/** A service that knows one token. */
const guarded: Service = (request) => {
  if (request.path !== 'readyz' && request.token !== 'right') return { status: 401, body: { code: 'TOKEN_UNKNOWN', message: 'A token is needed.' } }
  return serviceWith()(request)
}

t.test('a service that wants a token is asked with the typed one, which the tab keeps', async (t) => {
  const page = await openPage(t, '', guarded)
  t.equal(page.read('h2'), 'Token')
  t.equal(page.field('Token').type, 'password')
  await page.fill('Token', ' right ')
  await page.click('Use it')
  t.equal(page.all('dialog[open]').length, 0)
  t.equal(page.tile('Contexts')[0], '3')
  t.equal(page.window.sessionStorage.getItem('stopgate-token'), 'right')
  t.equal(page.window.localStorage.length, 0, 'it is forgotten with the tab')
})

t.test('a wrong token is asked for again', async (t) => {
  const page = await openPage(t, '', guarded)
  await page.fill('Token', 'wrong')
  await page.click('Use it')
  t.equal(page.read('h2'), 'Token')
  t.equal(page.field('Token').value, 'wrong', 'so that it can be corrected')
  t.equal(page.requests.at(-1)!.token, 'wrong')
})

t.test('a dialog that was dismissed does not come back by itself', async (t) => {
  const page = await openPage(t, '', guarded)
  const dialog = page.window.document.querySelector('dialog')!
  dialog.dispatchEvent(new page.window.Event('cancel'))
  dialog.close()
  await page.send('change')
  t.equal(page.all('dialog[open]').length, 0)
  t.match(page.text(), '▲ A token is needed.', 'the reason stays')
  await page.click('Token')
  t.equal(page.read('h2'), 'Token', 'the button opens it')
})

t.test('a token can be forgotten', async (t) => {
  const page = await openPage(t, '', guarded)
  await page.fill('Token', 'right')
  await page.click('Use it')
  await page.click('Token')
  await page.click('Forget it')
  t.equal(page.window.sessionStorage.length, 0)
  t.equal(page.requests.at(-1)!.token, null)
  t.notMatch(page.window.document.body.textContent, '5.21M', 'its figures are gone')
})

t.test('an operator of a part of the fleet sees that part of a real service', async (t) => {
  const { send } = await build(t, { ...ALL_CONTROL, ACCESS_TOKENS: tokenList({ w: 'worker', q: 'operator model=q' }) })
  await report((path, body) => send('POST', path, body, bearer('w')), [losslessOutcome('a'), losslessOutcome('b', { model: 'r', task: 'x' })])
  const page = await openPage(t, '', async ({ method, path, body, token }) =>
    await send(method as 'GET', `/${path}`, body, token === null ? {} : { authorization: `Bearer ${token}` }))
  t.equal(page.read('h2'), 'Token')
  await page.fill('Token', tokenOf('q'))
  await page.click('Use it')
  await page.shows('Fleet model=q')
  await page.until('the context is learned', async () => {
    await page.send('change')
    return page.text().includes('1–1 of 1')
  })
  t.equal(page.table('Contexts')[1]![0], 'model=q,task=gsm8k')
})
