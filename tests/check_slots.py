"""Twenty lines that check every slot of a closed store, and its digest: docs/format.md as a program.

Usage: check_slots.py FILE. `read_store.py` checks the rest as well.
"""

import struct, sys, zlib
import numpy as np

file = np.memmap(sys.argv[1], mode="r")
metas = [file[at : at + 4096].tobytes() for at in (4096, 8192)]
whole = lambda m: zlib.crc32(m[:508] + bytes(4) + m[512:]) == int.from_bytes(m[508:512], "little")
meta = max(filter(whole, metas), key=lambda m: struct.unpack_from("<Q", m, 88))  # the newer one
stride, start = struct.unpack_from("<IQ", meta, 36)
size, _, _, digest = struct.unpack_from("<4Q", meta, 104)
slot = np.dtype([("area", "u1", stride - 8), ("checksum", "<u4"), ("tag", "<u4")])
slots = file[start : start + size * stride].view(slot)
index, tag = np.arange(size, dtype="u8"), slots["tag"].astype("u4")
crc = np.fromiter(map(zlib.crc32, slots["area"]), "u4", size)
key = np.bitwise_xor.reduce(np.frombuffer(meta, "<u4", 4, offset=8).astype("u4"))
x = (tag & 0xFFFFFFFE) + index.astype("u4") * 0x9E3779B1 + (index >> 32).astype("u4") * 0x85EBCA6B
for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)): x = (x ^ (x >> shift)) * factor
damaged = np.flatnonzero(slots["checksum"] != crc ^ x ^ (x >> 16) ^ key)
z = ((index + 1) * 0x9E3779B97F4A7C15) ^ (crc.astype("u8") * 0xD6E8FEB86659FD93)
for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)): z = (z ^ (z >> shift)) * factor
found = int((z ^ (z >> 31))[tag & 6 == 2].sum(dtype="u8"))
print(f"{size} slots, {len(damaged)} damaged; digest", "right" if found == digest else "wrong")
