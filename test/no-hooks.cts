import asyncHooks = require('node:async_hooks')
import Module = require('node:module')

// Required in the process of each test file before tap, see .taprc.

// For tap's own process alone: with more threads it starts files in the order in which their `stat` returns, and a long one may come last.
delete process.env.UV_THREADPOOL_SIZE

// Only coverage needs the module hooks that tap registers.
if (process.env._TAPJS_PROCESSINFO_COVERAGE_ === '0') Module.register = () => {}

// tap follows each promise to its end to find the test that a stray error comes from, which took an eighth of the time of the tests of
// src/core. Without that, a stray error fails its whole test file, with its stack and the name of the test that ran.
const { createHook } = asyncHooks
asyncHooks.createHook = () => createHook({})
Module.syncBuiltinESMExports()
