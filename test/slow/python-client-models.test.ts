import t from 'tap'
import { passes, skip, WITH_MODELS } from './run-python-client.js'

t.test('what the Python client does in transformers and trainers passes its tests against this service', { skip }, (t) =>
  passes(t, 'pytest', '--quiet', ...WITH_MODELS))
