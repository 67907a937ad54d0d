/** Neighbours `from`..`to` (inclusive) that share one value, their weighted mean. */
export interface Block { readonly from: number, readonly to: number, readonly value: number, readonly weight: number }

/**
 * The non-decreasing sequence nearest to `values` by weighted least squares, as blocks: neighbours out of order are pooled until none is
 * left (pool adjacent violators: Barlow, Bartholomew, Bremner & Brunk 1972; Robertson, Wright & Dykstra 1988, section 1.2).
 * The last of the original values in a block is never above the value of the block.
 * @param weights positive
 */
export function isotonicBlocks (values: readonly number[], weights: readonly number[]): Block[] {
  const blocks: Block[] = []
  for (const [i, value] of values.entries()) {
    let block: Block = { from: i, to: i, value, weight: weights[i]! }
    while (blocks.length > 0 && blocks.at(-1)!.value >= block.value) {
      const before = blocks.pop()!
      const weight = before.weight + block.weight
      block = { from: before.from, to: block.to, value: (before.value * before.weight + block.value * block.weight) / weight, weight }
    }
    blocks.push(block)
  }
  return blocks
}

/** The same sequence, value by value. */
export function isotonic (values: readonly number[], weights: readonly number[]): number[] {
  return isotonicBlocks(values, weights).flatMap(({ from, to, value }) => new Array<number>(to - from + 1).fill(value))
}
