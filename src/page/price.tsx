import { useState } from 'preact/hooks'

const KEY = 'stopgate-price'

/** The operator's price of a million tokens, as typed into the page. */
export interface Price { readonly amount: number, readonly currency: string }

function stored (): Price | null {
  try {
    const { amount, currency } = JSON.parse(localStorage.getItem(KEY) ?? 'null')
    return typeof amount === 'number' && amount > 0 && typeof currency === 'string' ? { amount, currency } : null
  } catch { return null }
}

/** The price, and a function that changes it. */
export function usePrice (): [price: Price | null, setPrice: (price: Price | null) => void] {
  const [price, setPrice] = useState(stored)
  return [price, (next) => {
    if (next === null) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, JSON.stringify(next))
    setPrice(next)
  }]
}

/** The field for the price. It stays in this browser. */
export function PriceField ({ price, onChange }: { price: Price | null, onChange: (price: Price | null) => void }) {
  const [amount, setAmount] = useState(price?.amount.toString() ?? '')
  const [currency, setCurrency] = useState(price?.currency ?? '$')
  function change (nextAmount: string, nextCurrency: string): void {
    setAmount(nextAmount)
    setCurrency(nextCurrency)
    const number = Number(nextAmount.replace(',', '.'))
    onChange(number > 0 ? { amount: number, currency: nextCurrency } : null)
  }
  return (
    <div class='price'>
      <input
        class='currency' aria-label='Currency' maxLength={4} value={currency}
        onInput={({ currentTarget }) => { change(amount, currentTarget.value) }}
      />
      <input
        class='amount' aria-label='Price of a million tokens' inputMode='decimal' value={amount} placeholder='2.00'
        onInput={({ currentTarget }) => { change(currentTarget.value, currency) }}
      />
      <span>per 1M tokens</span>
    </div>
  )
}
