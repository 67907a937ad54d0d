import t from 'tap'
import { isLoopback } from '../../src/config/loopback.js'

for (const host of ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'LocalHost']) t.ok(isLoopback(host), host)
for (const host of [
  '0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '126.255.255.255', '::2', '::ffff:10.0.0.1', 'localhost.example.com', '127.0.0.1.example.com', '127.1', '2130706433', 'stopgate', '',
]) t.notOk(isLoopback(host), host)
