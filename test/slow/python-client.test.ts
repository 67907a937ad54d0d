import t from 'tap'
import { passes, skip, WITH_MODELS } from './run-python-client.js'

t.test('the Python client passes its tests against this service', { skip }, (t) =>
  passes(t, 'pytest', '--quiet', ...WITH_MODELS.map((file) => `--ignore=${file}`)))
t.test('the Python client has types and style', { skip }, async (t) => {
  await passes(t, 'mypy')
  await passes(t, 'ruff', 'check', 'src', 'tests')
  await passes(t, 'ruff', 'format', '--check', 'src', 'tests')
})
