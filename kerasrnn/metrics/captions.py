"""Captions beside those that people wrote: BLEU-1 … 4, CIDEr-D and ROUGE-L, as coco-caption counts them.

Written anew, since `pycocoevalcap`, which the published numbers come from, brings 100 MB of Java
programs for other metrics and states no licence. The tests hold these to it.
"""

import math
from collections import Counter
from collections.abc import Sequence

LONGEST = 4  # words of the longest n-gram
SIGMA = 6.0  # words by which a caption's length may differ before CIDEr-D minds
BETA = 1.2  # how much more ROUGE-L asks for recall than for precision
TINY, SMALL = 1e-15, 1e-9  # what coco-caption adds to a count of matches, and to what divides it


def judge_captions(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, float]:
    """The metrics of a corpus; a caption is tokens joined by blanks.

    Args:
        hypotheses: a caption for each image; an empty one counts as wrong.
        references: for each image the captions that people gave it, at least one.
    Returns:
        bleu1 … bleu4 and rouge_l, from 0 to 1; cider, from 0 to 10.
        As in coco-caption, BLEU-n is below 1e-3, not 0, where no n-gram matches, and at most 0.04
        where no caption has n words, however right it is. CIDEr weighs an n-gram by how few images
        it belongs to: for one image, and for images that all have the same references, it is 0.
    Raises:
        ValueError: if there is no image, the two differ in number, or an image has no reference.
    """
    if len(hypotheses) != len(references) or not hypotheses:
        raise ValueError(
            "`hypotheses` and `references` must be as many, at least one each, got "
            f"{len(hypotheses)} and {len(references)}."
        )
    if not all(references):
        at = next(i for i, given in enumerate(references) if not given)
        raise ValueError(
            f"`references` must hold a caption for each image, got none for image {at}."
        )
    said = [caption.split() for caption in hypotheses]
    wanted = [[caption.split() for caption in given] for given in references]
    scores = {f"bleu{n}": value for n, value in enumerate(bleu(said, wanted), 1)}
    return scores | {"cider": cider(said, wanted), "rouge_l": rouge_l(said, wanted)}


def bleu(hypotheses: list[list[str]], references: list[list[list[str]]]) -> list[float]:
    """BLEU-1 … 4 of a corpus.

        p_n    = Σ min(count in the hypothesis, most in any of its references) / Σ count        (1)
        BLEU-N = min(1, exp(1 - r / c)) (Π_{n≤N} p_n)^(1/N)                                     (2)

    c is the words of all hypotheses, r those of each one's closest reference, the shorter of two.
    Source: Papineni et al. 2002, "BLEU", section 2.3.
    """
    matches, counts = [0] * LONGEST, [0] * LONGEST
    written = closest = 0
    for said, wanted in zip(hypotheses, references, strict=True):
        written += len(said)
        closest += min((abs(len(words) - len(said)), len(words)) for words in wanted)[1]
        for n in range(1, LONGEST + 1):
            most = Counter()
            for words in wanted:
                most |= ngrams(words, n)
            matches[n - 1] += (ngrams(said, n) & most).total()
            counts[n - 1] += max(len(said) - n + 1, 0)
    ratio = (written + TINY) / (closest + SMALL)
    brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    product, scores = 1.0, []
    for n in range(1, LONGEST + 1):
        product *= (matches[n - 1] + TINY) / (counts[n - 1] + SMALL)  # (1)
        scores.append(brevity * product ** (1 / n))  # (2)
    return scores


def cider(hypotheses: list[list[str]], references: list[list[list[str]]]) -> float:
    """CIDEr-D of a corpus, the mean over its images of

        g(ω)    = count(ω) (ln I - ln max(1, images with ω in a reference))                     (1)
        d_n     = Σ_ω min(g_hyp(ω), g_ref(ω)) g_ref(ω) / (‖g_hyp‖ ‖g_ref‖)                      (2)
        CIDEr-D = 10 mean_{n≤4, references} d_n exp(-(l_hyp - l_ref)² / 2σ²)                    (3)

    I is the number of images, l the words less one, at least 0.
    Source: Vedantam et al. 2015, arXiv:1411.5726, section 6; (1) has coco-caption's max, (3) its lengths.
    """
    images = Counter()
    for wanted in references:
        images.update({gram for words in wanted for gram in _all_ngrams(words)})
    rarity = {gram: math.log(len(references)) - math.log(max(1, n)) for gram, n in images.items()}
    unseen = math.log(len(references))

    def vectors(words):
        """(1), for each n, with its norm."""
        found = []
        for n in range(1, LONGEST + 1):
            weights = {gram: k * rarity.get(gram, unseen) for gram, k in ngrams(words, n).items()}
            found.append((weights, math.sqrt(sum(w * w for w in weights.values()))))
        return found

    total = 0.0
    for said, wanted in zip(hypotheses, references, strict=True):
        ours, likeness = vectors(said), 0.0
        for words in wanted:
            difference = max(len(said) - 1, 0) - max(len(words) - 1, 0)
            alike = sum(map(_cosine, ours, vectors(words)))
            likeness += alike * math.exp(-(difference**2) / (2 * SIGMA**2))  # (3)
        total += 10 * likeness / LONGEST / len(wanted)
    return total / len(hypotheses)


def _cosine(ours, theirs) -> float:
    """(2)."""
    (a, length), (b, other) = ours, theirs
    clipped = sum(min(weight, b[gram]) * b[gram] for gram, weight in a.items() if gram in b)
    return clipped / (length * other) if length and other else 0.0


def rouge_l(hypotheses: list[list[str]], references: list[list[list[str]]]) -> float:
    """ROUGE-L of a corpus, the mean over its images of

        P = max over references of LCS / words of the hypothesis                                (1)
        R = max over references of LCS / words of the reference                                 (2)
        F = (1 + β²) P R / (R + β² P)                                                           (3)

    Source: Lin 2004, "ROUGE", section 3, eqs. 2-4; P and R may be of two references, as in coco-caption.
    """
    total = 0.0
    for said, wanted in zip(hypotheses, references, strict=True):
        common = [longest_common(said, words) for words in wanted]
        precision = max(common) / max(len(said), 1)
        recall = max(c / max(len(words), 1) for c, words in zip(common, wanted, strict=True))
        if precision and recall:
            total += (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
    return total / len(hypotheses)


def longest_common(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence."""
    above = [0] * (len(second) + 1)
    for word in first:
        row = [0]
        for at, other in enumerate(second):
            row.append(above[at] + 1 if word == other else max(above[at + 1], row[at]))
        above = row
    return above[-1]


def ngrams(words: list[str], n: int) -> Counter:
    """How often each n words that follow each other stand in `words`."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _all_ngrams(words: list[str]) -> set:
    return {gram for n in range(1, LONGEST + 1) for gram in ngrams(words, n)}
