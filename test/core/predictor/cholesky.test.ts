import t from 'tap'
import fc from 'fast-check'
import { cholesky, inverseDiagonal, solve } from '../../../src/core/predictor/cholesky.js'
import { holds } from '../../property.js'

t.test('a system of equations worked by hand', async (t) => {
  const l = cholesky(Float64Array.of(4, 0, 2, 10), 2) // [[4, 2], [2, 10]] = L Lᵀ with L = [[2, 0], [1, 3]]
  t.strictSame([...l], [2, 0, 1, 3])
  t.strictSame([...solve(l, 2, Float64Array.of(8, 22))].map((x) => Math.round(x * 1e12) / 1e12), [1, 2])
  const diagonal = inverseDiagonal(l, 2) // The inverse is [[10, -2], [-2, 4]] / 36.
  t.ok(Math.abs(diagonal[0]! - 10 / 36) < 1e-12 && Math.abs(diagonal[1]! - 4 / 36) < 1e-12)
})

const numbersFrom = (count: number) => Array.from({ length: count }, (_, i) => i)

t.test('the solution x satisfies A x = b', async (t) => {
  const p = 5
  const number = fc.double({ min: -10, max: 10, noNaN: true })
  const numbers = (count: number) => fc.array(number, { minLength: count, maxLength: count })
  holds(t, fc.property(numbers(p * p), numbers(p), (m, b) => {
    const a = Float64Array.from({ length: p * p }, (_, at) => { // M Mᵀ + 1
      const [i, j] = [Math.floor(at / p), at % p]
      return numbersFrom(p).reduce((sum, k) => sum + m[i * p + k]! * m[j * p + k]!, i === j ? 1 : 0)
    })
    const x = solve(cholesky(a, p), p, Float64Array.from(b))
    return b.every((value, i) => Math.abs(x.reduce((sum, xj, j) => sum + a[i * p + j]! * xj, 0) - value) < 1e-6)
  }))
})

t.test('a singular matrix does not give NaN', async (t) => {
  t.ok(solve(cholesky(Float64Array.of(1, 1, 1, 1), 2), 2, Float64Array.of(1, 1)).every((x) => !Number.isNaN(x)))
})
