import processOnSpawn from 'process-on-spawn'

// Preloaded in the process of each test file, see .taprc. tap makes Node.js processes that tests start load its module hooks, which doubles
// the cost of their start: tests that start many took 70 to 90 % longer. Only coverage needs the hooks.
if (process.env._TAPJS_PROCESSINFO_COVERAGE_ === '0') {
  processOnSpawn.addListener((child) => {
    const { NODE_OPTIONS = '', ...env } = child.env
    const options = NODE_OPTIONS.replace(/"?--import=[^"]*@tapjs\/processinfo\/[^"\s]*"?/, '').trim()
    child.env = options === '' ? env : { ...env, NODE_OPTIONS: options }
  })
}
