"""Exact search for nearest neighbours among sequences that are described by small whole numbers.

The dot products of a query with 64 training sequences are computed at once. For each feature and each binary digit of
its counts there is a row of bits, one for every training sequence: a plane. The dot product of a query with all of them
is the sum of the planes of the query's features, each shifted by its digit. Planes are added like lines in writing,
eight at a time, with full adders that take three bits and give their sum and a carry (carry-save addition, as Harley
and Seal count bits: Warren, *Hacker's Delight*, 2nd edition 2013, chapter 5). All of it is whole numbers: the result is
exact, and of equally near sequences the earlier one is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from motifloom.compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    from scipy.sparse import csr_array

    from motifloom.genome import Codes

    Bits = npt.NDArray[np.uint64]
    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Sparse = npt.NDArray[np.integer[Any]]

Metric = Literal["cosine", "hamming"]

BLOCK = 8192
"""Training sequences whose bits are kept together, so that their accumulators stay in the processor's cache."""

QUERIES = 1024
"""Queries that are compared with a block before the next one."""

DIGITS = 32
"""Binary digits that a count may have."""

GROUP = 8
"""Planes that are added at a time; their carry is three digits further on."""


@dataclass(frozen=True)
class Block:
    """The features of consecutive training sequences, bit by bit.

    Attributes
    ----------
    planes
        Rows of bits, a bit per sequence, shape ``(planes, words)``; the first row is all zeros.
    first
        The first plane of each column, those of the next one behind it; shape ``(columns + 1,)``.
    digit
        The binary digit of the counts that a plane holds, shape ``(planes,)``.
    squares
        The sum of each sequence's squared features, shape ``(n,)``.
    least
        The least of them in each word of 64 sequences, shape ``(words,)``.
    """

    planes: Bits
    first: Integers
    digit: Integers
    squares: Integers
    least: Integers

    @classmethod
    def of(cls, features: csr_array) -> Block:
        """Lay out the bits of features of shape ``(n, columns)``."""
        words = -(-features.shape[0] // 64)
        used = np.zeros(features.shape[1], dtype=np.int64)
        _join(features.indices, features.data, used)
        column, digit = np.nonzero(used[:, None] >> np.arange(DIGITS) & 1)
        first = 1 + np.searchsorted(column, np.arange(features.shape[1] + 1))
        digit = np.concatenate([[0], digit])
        planes = np.zeros((len(digit), words), dtype=np.uint64)
        _fill(features.indptr, features.indices, features.data, first, digit, planes)
        squares = _squares(features)
        padded = np.full(words * 64, np.iinfo(np.int64).max)
        padded[: len(squares)] = squares
        return cls(planes, first, digit, squares, padded.reshape(words, 64).min(axis=1))


@dataclass(frozen=True)
class Neighbours:
    """What is nearest to each query, the nearest first.

    Attributes
    ----------
    rows
        Of the training sequences, shape ``(queries, k)``.
    distance
        1 − cosine, 0 to 1; or the number of entries of one-hot sequences that differ; shape ``(queries, k)``.
    """

    rows: Integers
    distance: Floats


@dataclass(frozen=True)
class Index:
    """Training sequences to be asked for their nearest.

    Attributes
    ----------
    describe
        Turns codes of shape ``(n, length)`` into features of shape ``(n, columns)``, whole numbers from 0.
    metric
        ``cosine`` between features, or ``hamming`` for features of 0 and 1.
    blocks
        The training sequences in their order.
    """

    describe: Callable[[Codes], csr_array]
    metric: Metric
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, codes: Codes, describe: Callable[[Codes], csr_array], metric: Metric) -> Index:
        """Index training sequences of shape ``(n, length)``."""
        starts = range(0, len(codes), BLOCK)
        return cls(describe, metric, tuple(Block.of(describe(codes[start : start + BLOCK])) for start in starts))

    def __len__(self) -> int:
        return sum(len(block.squares) for block in self.blocks)

    def nearest(self, codes: Codes, number: int) -> Iterator[Neighbours]:
        """Give the `number` nearest training sequences of each query, of all where there are fewer.

        Parameters
        ----------
        codes
            Shape ``(n, length)``.

        Yields
        ------
        The neighbours of the next :data:`QUERIES` queries.
        """
        cosine = self.metric == "cosine"
        for start in range(0, len(codes), QUERIES):
            asked = self.describe(codes[start : start + QUERIES])
            squares = _squares(asked)
            closeness = np.full((len(squares), min(number, len(self))), -np.inf)
            rows = np.full(closeness.shape, np.iinfo(np.int64).max)
            before = 0
            for block in self.blocks:
                _compare(
                    asked.indptr, asked.indices, asked.data, squares,
                    block.planes, block.first, block.digit, block.squares, block.least,
                    cosine, before, closeness, rows,
                )  # fmt: skip
                before += len(block.squares)
            order = np.lexsort((rows, -closeness))
            closeness, rows = (np.take_along_axis(values, order, axis=1) for values in (closeness, rows))
            yield Neighbours(rows, self._distance(closeness, squares[:, None]))

    def _distance(self, closeness: Floats, squares: Integers) -> Floats:
        """Turn what ranks training sequences into a distance; `squares` are the queries'."""
        if self.metric == "hamming":
            return squares - closeness
        return np.maximum(1 - np.sqrt(closeness / np.maximum(squares, 1)), 0)


def _squares(features: csr_array) -> Integers:
    """Return the sum of each row's squares."""
    sums = np.concatenate([[0], np.cumsum(features.data.astype(np.int64) ** 2)])
    return sums[features.indptr[1:]] - sums[features.indptr[:-1]]


@compiled
def _join(columns: Sparse, counts: Sparse, used: Integers) -> None:
    """Mark the binary digits that the counts of each column have."""
    for entry in range(len(columns)):
        used[columns[entry]] |= counts[entry]


@compiled
def _fill(starts: Sparse, columns: Sparse, counts: Sparse, first: Integers, digit: Integers, planes: Bits) -> None:
    """Set the bit of each sequence in the planes of its counts."""
    for row in range(len(starts) - 1):
        word, bit = row // 64, np.uint64(1) << np.uint64(row % 64)
        for entry in range(starts[row], starts[row + 1]):
            for plane in range(first[columns[entry]], first[columns[entry] + 1]):
                if counts[entry] >> digit[plane] & 1:
                    planes[plane, word] |= bit


@compiled
def _compare(
    starts: Sparse, columns: Sparse, counts: Sparse, asked_squares: Integers,
    planes: Bits, first: Integers, digit: Integers, squares: Integers, least: Integers,
    cosine: bool, before: int, closeness: Floats, rows: Integers,
) -> None:  # fmt: skip
    """Compare queries with a block of training sequences, `before` others before it, and keep what is nearest.

    `closeness` and `rows`, shape ``(queries, k)``, hold a heap per query whose root is the worst of those kept.
    Closeness ranks as the metric does: dot²/square of the training sequence, or 2 dot − square.
    """
    words, greatest = planes.shape[1], squares.max()
    room = _levels(asked_squares.max(), greatest) + 3
    most = (starts[1:] - starts[:-1]).max() * (first[1:] - first[:-1]).max() + GROUP  # planes of one digit
    sums = np.zeros((room, words), dtype=np.uint64)
    queue = np.zeros((room, most), dtype=np.int64)
    # Rows carried to a digit: one for eight planes or eight rows, so less than a seventh of the planes and a few.
    carries = np.empty((room, most // 6 + 2 * GROUP, words), dtype=np.uint64)
    for query in range(len(starts) - 1):
        levels = _levels(asked_squares[query], greatest)
        sums[:levels] = 0
        _add_planes(
            columns[starts[query] : starts[query + 1]], counts[starts[query] : starts[query + 1]],
            planes, first, digit, levels, sums, queue, carries,
        )  # fmt: skip
        for word in range(words):
            lanes = _at_least(sums[:levels, word], _needed(closeness[query, 0], least[word], cosine))
            lane = 64 * word
            while lanes and lane < len(squares):
                if lanes & np.uint64(1):
                    dot = _dot(sums[:levels, word], np.uint64(lane % 64))
                    close = dot * dot / max(squares[lane], 1) if cosine else 2.0 * dot - squares[lane]
                    if close > closeness[query, 0]:
                        _replace_worst(closeness[query], rows[query], close, before + lane)
                lanes >>= np.uint64(1)
                lane += 1


@compiled
def _levels(asked: int, most: int) -> int:
    """Return how many binary digits a dot product can have, by the inequality of Cauchy and Schwarz."""
    bound, levels = np.sqrt(float(asked) * float(most)) + 1, 1
    while bound >= 2:
        bound /= 2
        levels += 1
    return levels


@compiled
def _add_planes(
    columns: Sparse, counts: Sparse, planes: Bits, first: Integers, digit: Integers, levels: int, sums: Bits,
    queue: Integers, carries: Bits,
) -> None:  # fmt: skip
    """Add the planes of one query's features to `sums`, digit by digit.

    `queue` holds the planes of each digit, shape ``(digits, most)``, and `carries` the rows of bits that are carried to
    it, shape ``(digits, rows, words)``; what they held before does not count.
    """
    planes_of, carries_of = np.zeros(len(queue), dtype=np.int64), np.zeros(len(queue), dtype=np.int64)
    for entry in range(len(columns)):
        for plane in range(first[columns[entry]], first[columns[entry] + 1]):
            level, count = digit[plane], counts[entry]
            while count:
                if count & 1:
                    queue[level, planes_of[level]] = plane
                    planes_of[level] += 1
                count >>= 1
                level += 1
    in_order = np.arange(carries.shape[1])
    for level in range(levels):  # what is carried out of the last digit is zero
        queue[level, planes_of[level] : planes_of[level] + GROUP - 1] = 0  # the first plane is all zeros
        carries[level, carries_of[level] : carries_of[level] + GROUP - 1] = 0
        higher = level + 3
        for start in range(0, planes_of[level], GROUP):
            rows = queue[level, start : start + GROUP]
            _add_eight(planes, rows, level, sums, carries[higher, carries_of[higher]])
            carries_of[higher] += 1
        for start in range(0, carries_of[level], GROUP):
            rows = in_order[start : start + GROUP]
            _add_eight(carries[level], rows, level, sums, carries[higher, carries_of[higher]])
            carries_of[higher] += 1


@compiled
def _add_eight(bits: Bits, rows: Integers, level: int, sums: Bits, carry: Bits) -> None:
    """Add eight rows of `bits` of one digit to the sums of this digit and the next two; `carry` becomes the rest."""
    ones, twos, fours = sums[level], sums[level + 1], sums[level + 2]
    a, b, c, d = bits[rows[0]], bits[rows[1]], bits[rows[2]], bits[rows[3]]
    e, f, g, h = bits[rows[4]], bits[rows[5]], bits[rows[6]], bits[rows[7]]
    for word in range(np.uint64(len(ones))):
        one, two_a = _add(ones[word], a[word], b[word])
        one, two_b = _add(one, c[word], d[word])
        two, four_a = _add(twos[word], two_a, two_b)
        one, two_a = _add(one, e[word], f[word])
        one, two_b = _add(one, g[word], h[word])
        two, four_b = _add(two, two_a, two_b)
        four, carry[word] = _add(fours[word], four_a, four_b)
        ones[word], twos[word], fours[word] = one, two, four


@compiled
def _add(x: int, y: int, z: int) -> tuple[int, int]:
    """Add three bits in each place: return their sum, and what the next digit gets."""
    either = y ^ z
    return x ^ either, (y & z) | (x & either)


@compiled
def _needed(worst: float, square: int, cosine: bool) -> int:
    """Return a dot product below which no training sequence with at least this square is closer than `worst`."""
    if worst == -np.inf:
        return 0
    if cosine:
        return max(1, int(np.sqrt(worst * square)))
    return max(0, int(np.floor((worst + square) / 2)) + 1)


@compiled
def _at_least(digits: Bits, bound: int) -> np.uint64:
    """Return the lanes whose number, its binary digits in `digits`, is at least `bound`."""
    if bound >> len(digits):
        return np.uint64(0)
    greater, equal = np.uint64(0), ~np.uint64(0)
    for level in range(len(digits) - 1, -1, -1):
        if bound >> level & 1:
            equal &= digits[level]
        else:
            greater |= equal & digits[level]
            equal &= ~digits[level]
    return greater | equal


@compiled
def _dot(digits: Bits, lane: np.uint64) -> float:
    """Return the number of one lane."""
    dot = 0
    for level in range(len(digits)):
        dot |= int(digits[level] >> lane & np.uint64(1)) << level
    return float(dot)


@compiled
def _replace_worst(closeness: Floats, rows: Integers, close: float, row: int) -> None:
    """Put a neighbour in the place of the worst; of equally close ones the later is worse."""
    place = 0
    while True:
        worst = 2 * place + 1
        if worst >= len(rows):
            break
        next_ = worst + 1
        if next_ < len(rows) and (
            closeness[next_] < closeness[worst] or (closeness[next_] == closeness[worst] and rows[next_] > rows[worst])
        ):
            worst = next_
        if closeness[worst] > close or (closeness[worst] == close and rows[worst] < row):
            break
        closeness[place], rows[place] = closeness[worst], rows[worst]
        place = worst
    closeness[place], rows[place] = close, row
