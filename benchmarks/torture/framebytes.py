"""Frames with damaged bytes: cut off, bits flipped, pages lost, wrong packing, and files that are none."""

import gzip
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.torture.baseframes import BLOCK, CARD, Base, Case
from benchmarks.torture.scripts import ROOT


def truncated(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """Cut off at any byte, at whole blocks, and at the ends of headers and data."""
    for base in frames:
        size = len(base.data)
        marks = {at + step for hdu in base.hdus() for at in hdu for step in (-BLOCK, -1, 0, 1)}
        blocks = rng.choice(size // BLOCK, 8, replace=False) * BLOCK
        for at in sorted({*marks, *rng.integers(0, size, 8).tolist(), *blocks.tolist()} & {*range(size)}):
            yield Case(f'cut off at byte {at} of {size}', base, base.data[:at])
    for base in frames[:2]:
        yield Case('grown by a block of noise', base, base.data + rng.bytes(BLOCK))
        yield Case('grown by zeros', base, base.data + bytes(7 * BLOCK))
        yield Case('twice in one file', base, base.data * 2)


def flipped_in_headers(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """One bit of a character of the science header or of the header of CAT."""
    for base in frames:
        for hdu in (base.science, -1):
            start, end, _ = base.hdus()[hdu]
            full = [at for at in range(start, end) if base.data[at] != 32]
            for at in rng.choice(full, 20, replace=False).tolist():
                yield flipped(base, at, int(rng.integers(8)))


def flipped_in_tables(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """One, ten or a hundred bits of the rows of CAT."""
    for base in frames:
        _, start, end = base.hdus()[-1]
        for count in (1,) * 10 + (10,) * 6 + (100,) * 6:
            data = bytearray(base.data)
            for at in rng.integers(start, end, count).tolist():
                data[at] ^= 1 << int(rng.integers(8))
            yield Case(f'{count} bits of the rows flipped', base, bytes(data))


def flipped(base: Base, at: int, bit: int) -> Case:
    """The frame with a bit of a byte flipped."""
    data = bytearray(base.data)
    data[at] ^= 1 << bit
    card = next(start for start, end, _ in reversed(base.hdus()) if start <= at)
    line = base.data[card + (at - card) // CARD * CARD:][:CARD].decode('ascii', 'replace')
    return Case(f'bit {bit} of byte {at} flipped, in {line.strip()!r}', base, bytes(data),
                frozenset({_subject(line[:8].strip())}))


def _subject(keyword: str) -> str:
    """Key of UNDETECTABLE (frames.py) that a card affects, else the keyword."""
    return {'TFORM': 'FITS type', 'TZERO': 'flux unit', 'TSCAL': 'flux unit'}.get(keyword.rstrip('0123456789'), keyword)


def lost_pages(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """Zeros, noise or another part of the file in place of a page of 512 or 4096 bytes, as after a broken copy."""
    for base in frames:
        for size in (512, 4096):
            for filling in ('zeros', 'noise', 'a repeated page'):
                for hdu in (base.science, -1):
                    start, _, end = base.hdus()[hdu]
                    at = int(rng.integers(start, end)) // size * size
                    page = {'zeros': bytes(size), 'noise': rng.bytes(size), 'a repeated page': base.data[:size]}
                    data = base.data[:at] + page[filling] + base.data[at + size:]
                    yield Case(f'{filling} in {size} bytes at {at}', base, data[:len(base.data)])


def damaged_packing(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """gzip instead of FITS, whole and damaged; fpack's own cards damaged; other files with this name."""
    for base in frames:
        packed = gzip.compress(base.data)
        yield Case('gzipped', base, packed)
        yield Case('gzipped and padded', base, packed + bytes(-len(packed) % BLOCK))
        broken = bytearray(packed)
        broken[len(packed) // 2] ^= 255
        yield Case('gzipped and broken', base, bytes(broken) + bytes(-len(packed) % BLOCK))
        yield Case('gzipped and cut off', base, packed[:len(packed) // 2 // BLOCK * BLOCK])
        for text in (b"ZCMPTYPE= 'RICE_1", b'ZBITPIX =', b'ZNAXIS  =', b'ZIMAGE  ='):
            if text in base.data:
                yield Case(f'{text.decode()} damaged', base, base.data.replace(text, text[:-4] + b'#@!?', 1))
    for label, content in (('zeros', bytes(10 * BLOCK)), ('noise', rng.bytes(10 * BLOCK)), ('an empty file', b''),
                           ('a PNG', b'\x89PNG\r\n\x1a\n' + rng.bytes(2 * BLOCK - 8)),
                           ('a web page', b'<html><body>503 Service Unavailable</body></html>'.ljust(BLOCK)),
                           ('SIMPLE = F', b'SIMPLE  =                    F'.ljust(BLOCK)),
                           ('a header that never ends', b'SIMPLE  =                    T'.ljust(CARD) * 36 * 400),
                           ('a zip bomb', gzip.compress(bytes(300_000_000)).ljust(300 * BLOCK, b'\0')[:300 * BLOCK])):
        yield Case(label, frames[0], content)


def not_files(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """A directory, FIFO, socket, device, dangling link, link to itself and so on instead of a frame."""
    base = frames[0]

    def loop(path: Path) -> None:
        path.symlink_to(path.name)

    def bound(path: Path) -> None:
        os.chdir(path.parent)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
        os.chdir(ROOT)

    def sparse(path: Path) -> None:
        path.write_bytes(base.data)
        os.truncate(path, 200_000_000 * BLOCK)

    def unreadable(path: Path) -> None:
        path.write_bytes(base.data)
        path.chmod(0)

    yield Case('a file that may not be read', base, unreadable)
    yield Case('a directory', base, Path.mkdir)
    yield Case('a FIFO', base, os.mkfifo)
    yield Case('a dangling link', base, lambda path: path.symlink_to('nowhere'))
    yield Case('a link to itself', base, loop)
    yield Case('a link to a directory', base, lambda path: path.symlink_to('.'))
    yield Case('a link to /dev/zero', base, lambda path: path.symlink_to('/dev/zero'))
    yield Case('a link to /dev/full', base, lambda path: path.symlink_to('/dev/full'))
    yield Case('a link to /proc/self/mem', base, lambda path: path.symlink_to('/proc/self/mem'))
    yield Case('a link to /proc/cpuinfo', base, lambda path: path.symlink_to('/proc/cpuinfo'))
    yield Case('a socket', base, bound)
    yield Case('a sparse file of 0.5 TB', base, sparse)
