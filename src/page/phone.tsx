import { useEffect, useState } from 'preact/hooks'

/** As in the style sheet. */
const PHONE = '(max-width: 640px)'

/** Whether the page is as narrow as a phone, where details begin folded and pages of lists are short. */
export function usePhone (): boolean {
  const [isPhone, setPhone] = useState(() => matchMedia(PHONE).matches)
  useEffect(() => {
    const query = matchMedia(PHONE)
    const follow = () => { setPhone(query.matches) }
    query.addEventListener('change', follow)
    return () => { query.removeEventListener('change', follow) }
  }, [])
  return isPhone
}
