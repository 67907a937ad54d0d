import t from 'tap'
import { without } from '../../../redis-server.js'
import { contract } from '../../../store/contract.js'
import { storeOn } from '../../../store/redis/redis-contract.js'

t.test('Valkey', async (t) => { contract(t, storeOn('valkey-server'), { skip: without('valkey-server') }) })
