import t from 'tap'
import { LogShare } from '../../src/decision-log/log-share.js'

const IDS = Array.from({ length: 20_000 }, (_, i) => `generation-${i}`)
const taken = (share: LogShare, arm: 'control' | 'treated') => IDS.filter((id) => share.takes(id, arm))

t.test('all control generations and a share of the treated ones are taken, the same on every replica', async (t) => {
  const share = new LogShare(0.01)
  t.equal(taken(share, 'control').length, IDS.length)
  const treated = taken(share, 'treated')
  t.ok(treated.length > 150 && treated.length < 250, `${treated.length} of 20,000`)
  t.strictSame(taken(new LogShare(0.01), 'treated'), treated)
  t.equal(share.isTreatedTaken, true)
})

t.test('the share holds for ids of any form', async (t) => {
  const forms: Array<(i: number) => string> = [
    (i) => `${i}`, (i) => `cmpl-3f2a91c4-${i}-0`, (i) => `3f2a91c4-77de-4b1c-9c0e-${i.toString(16).padStart(12, '0')}`, (i) => `é${i}ü`, (i) => `prompt ${i}, sample 3`,
    (i) => `prompt-${i}-model-qwen3-8b-s0`, (i) => `${i}-completion-000001`,
  ]
  for (const form of forms) {
    const count = IDS.filter((_, i) => new LogShare(0.1).takes(form(i), 'treated')).length
    t.ok(count > 1800 && count < 2200, `${form(7)}: ${count} of 20,000`)
  }
})

t.test('a share of 0 takes no treated generation, and a share of 1 takes all', async (t) => {
  t.strictSame(taken(new LogShare(0), 'treated'), [])
  t.equal(new LogShare(0).isTreatedTaken, false)
  t.equal(taken(new LogShare(1), 'treated').length, IDS.length)
})

t.test('under load whole generations are left out, and they come back when it is calm', async (t) => {
  const share = new LogShare(1)
  share.adapt(100, 1, 100)
  const half = taken(share, 'control')
  t.ok(half.length > 9600 && half.length < 10_400)
  share.adapt(100, 1, 100)
  const quarter = taken(share, 'control')
  t.ok(quarter.length < 5400 && quarter.every((id) => half.includes(id)), 'a smaller share is part of a larger one')
  share.adapt(60, 0, 100)
  t.equal(taken(share, 'control').length, quarter.length, 'not calm enough')
  for (let i = 0; i < 3; i++) share.adapt(0, 0, 100)
  t.equal(taken(share, 'control').length, IDS.length)
})

t.test('some generations are taken under any load', async (t) => {
  const share = new LogShare(1)
  for (let i = 0; i < 100; i++) share.adapt(100, 1, 100)
  for (let i = 0; i < 16; i++) share.adapt(0, 0, 100)
  t.equal(taken(share, 'control').length, IDS.length)
})
