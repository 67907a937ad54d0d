import Module = require('node:module')

// Required in the process of each test file before tap registers its module hooks, see .taprc. Only coverage needs them.
if (process.env._TAPJS_PROCESSINFO_COVERAGE_ === '0') Module.register = () => {}
