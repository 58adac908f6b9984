"""Checks a closed store: header, metas, every slot and the digest. Usage: read_store.py FILE

Written from docs/format.md alone, as a stranger would; the rules (V1 ...) stand there.
"""

import struct
import sys
import zlib

import numpy as np


def page(offset, magic):
    """The page at `offset`, or nothing if its magic or its checksum is wrong (V1, V2, V10)."""
    found = file[offset : offset + 4096].tobytes()
    crc = zlib.crc32(found[:508] + bytes(4) + found[512:]).to_bytes(4, "little")
    return found if found[:8] == magic and found[508:512] == crc else b""


def mix(z, steps, last):
    """The steps that `hash32` and `mix64` end with."""
    for shift, factor in steps:
        z = (z ^ (z >> shift)) * factor
    return z ^ (z >> last)


file = np.memmap(sys.argv[1], mode="r")
header = page(0, b"\x89SDB\r\n\x1a\n")
metas = [page(offset, b"\x89SDBMETA") for offset in (4096, 8192)]
metas = [meta for meta in metas if meta and meta[8:88] == (header or meta)[8:88]]  # V11
if not metas:
    sys.exit("no valid meta")
meta = max(metas, key=lambda meta: struct.unpack_from("<Q", meta, 88))  # the higher sequence
version, record_size, stride, start = struct.unpack_from("<H4xIIQ", meta, 26)
size, live_count, _, digest = struct.unpack_from("<4Q", meta, 104)
if version != 1 or any(meta[80:88]):  # V3
    sys.exit("this file has another version")
if not meta[162] & 1:  # clean
    sys.exit("the store was not closed, and this reader knows no journals")
if stride != (record_size + 7) // 8 * 8 + 8 or len(file) < start + size * stride:  # V7, V42
    sys.exit("the slots cannot be where the file says")

slot = np.dtype([("area", "u1", stride - 8), ("checksum", "<u4"), ("tag", "<u4")])
slots = file[start : start + size * stride].view(slot)
index, tag = np.arange(size, dtype="u8"), slots["tag"].astype("u4")
crc = np.fromiter(map(zlib.crc32, slots["area"]), "u4", size)
key = np.bitwise_xor.reduce(np.frombuffer(meta, "<u4", 4, offset=8).astype("u4"))
low, high = index.astype("u4"), (index >> 32).astype("u4")
place = (tag & 0xFFFFFFFE) + low * 0x9E3779B1 + high * 0x85EBCA6B
hash32 = mix(place, ((16, 0x7FEB352D), (15, 0x846CA68B)), 16)
live, deleted = tag & 7 == 2, tag & 7 == 4  # bit 0, "being written", must be 0
damaged = np.flatnonzero((slots["checksum"] != crc ^ hash32 ^ key) | ~(live | deleted))  # V33-36
if len(damaged):
    sys.exit(f"slot {damaged[0]} is damaged, and {len(damaged) - 1} others are")

terms = ((index + 1) * 0x9E3779B97F4A7C15) ^ (crc.astype("u8") * 0xD6E8FEB86659FD93)
mix64 = mix(terms, ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)), 31)
found = int(mix64[live].sum(dtype="u8"))
known = not meta[162] & 2
if live.sum() != live_count or (known and found != digest):  # V41
    sys.exit(f"expected digest {digest:016x} of {live_count} records, found {found:016x}")
print(f"ok: {size} slots, {live.sum()} live, digest {found:016x}")
