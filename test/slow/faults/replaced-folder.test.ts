import { mkdir, rename } from 'node:fs/promises'
import t from 'tap'
import { noticesLoss } from '../../faults/lost-folder.js'

t.test('a data folder that is replaced under a running service is noticed, and outcomes are refused', async (t) => {
  await noticesLoss(t, async (folder) => {
    await rename(folder, `${folder}-old`)
    await mkdir(folder)
  })
})
