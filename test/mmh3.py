# Stands in for the package mmh3, which the README's worker imports: MurmurHash3, 32 bits (Austin Appleby, public domain).
def hash(text, seed=0, signed=True):
    data, h, m = text.encode(), seed, 0xFFFFFFFF
    rotated = lambda x, r: (x << r | x >> 32 - r) & m
    mixed = lambda k: rotated(k * 0xCC9E2D51 & m, 15) * 0x1B873593 & m
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        h = rotated(h ^ mixed(int.from_bytes(data[i:i + 4], "little")), 13) * 5 + 0xE6546B64 & m
    h ^= mixed(int.from_bytes(data[whole:], "little")) if data[whole:] else 0
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & m
    h = (h ^ h >> 13) * 0xC2B2AE35 & m
    h ^= h >> 16
    return h - (1 << 32) if signed and h >> 31 else h
