import t from 'tap'
import { contextLevels, type TreeNode } from '../../../src/core/predictor/context-tree.js'

t.test('levels list parents before children, each with its leaves', async (t) => {
  const levels = contextLevels(['model=b,task=y', 'model=a,task=x', 'model=a,task=y', 'model=a,task=x'])
  const summaryOf = ({ key, parent, children, leaves }: TreeNode) => [key, parent?.key ?? null, children.length, leaves]
  t.strictSame(levels.map((nodes) => nodes.map(summaryOf)), [
    [['*', null, 2, ['model=a,task=x', 'model=a,task=y', 'model=b,task=y']]],
    [['model=a', '*', 2, ['model=a,task=x', 'model=a,task=y']], ['model=b', '*', 1, ['model=b,task=y']]],
    [
      ['model=a,task=x', 'model=a', 0, ['model=a,task=x']],
      ['model=a,task=y', 'model=a', 0, ['model=a,task=y']],
      ['model=b,task=y', 'model=b', 0, ['model=b,task=y']],
    ],
  ])
})

t.test('the root may be a leaf', async (t) => {
  t.match(contextLevels(['*']), [[{ key: '*', leaves: ['*'] }]])
})
