import t from 'tap'
import { openPage } from './open-page.js'
import { serviceWith } from './replies.js'

t.test('a store that lost its contents is shown, until it is acknowledged', async (t) => {
  const service = serviceWith()
  let isLost = true
  const sent: unknown[] = []
  const page = await openPage(t, '', ({ method, path, ...request }) => {
    if (!path.startsWith('v1/store-loss')) return service({ method, path, ...request })
    if (method === 'POST') { sent.push(request.body); isLost = false }
    const loss = { lost: true, kind: 'replaced', at: '2026-09-18T03:04:05.678Z' }
    return { status: 200, body: isLost ? loss : { lost: false, kind: null, at: null } }
  })
  await page.shows('The store has lost its contents')
  await page.shows('To go back to the last backup: stopgate import FILE --replace')
  await page.click('Acknowledge …')
  await page.fill('Reason', 'restored')
  await page.click('Acknowledge')
  await page.until('it is gone', () => !page.text().includes('The store has lost its contents'))
  t.same(sent, [{ reason: 'restored' }])
})
