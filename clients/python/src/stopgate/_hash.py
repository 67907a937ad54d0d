"""The hash that draws arms, as in the service."""

_MASK = 0xFFFFFFFF  # 32 bits


def murmur3(text: str) -> int:
    """MurmurHash3_x86_32 of the text in UTF-8, seed 0 (Austin Appleby, public domain): an integer below 2**32."""
    data, h = text.encode(), 0
    for i in range(0, len(data), 4):
        k = int.from_bytes(data[i : i + 4], "little") * 0xCC9E2D51 & _MASK
        h ^= (k << 15 | k >> 17) * 0x1B873593 & _MASK
        if i + 4 <= len(data):
            h = (h << 13 | h >> 19) * 5 + 0xE6546B64 & _MASK
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & _MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & _MASK
    return h ^ h >> 16
