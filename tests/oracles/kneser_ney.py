"""Interpolated Kneser–Ney as its definition says it: dictionaries, recursion, one query at a time."""

from collections import Counter, defaultdict


class KneserNey:
    """p(w | h) of sentences, tuples of words; `discount` maps (length, count) to what is taken off."""

    def __init__(self, sentences, order, discount, vocabulary):
        self.discount, self.vocabulary = discount, vocabulary
        streams = [("<s>", *sentence, "</s>") for sentence in sentences]
        raw = Counter()
        for stream in streams:
            for length in range(1, order + 1):
                raw.update(stream[i : i + length] for i in range(len(stream) - length + 1))
        before = defaultdict(set)
        for gram in raw:
            before[gram[1:]].add(gram[0])
        self.counts = {}
        for gram, count in raw.items():
            if gram == ("<s>",):
                continue
            whole = len(gram) == order or gram[0] == "<s>"
            self.counts[gram] = count if whole else len(before[gram])
        self.followers = defaultdict(list)
        for gram, count in self.counts.items():
            self.followers[gram[:-1]].append((gram[-1], count))
        self.order = order

    def probability(self, word, history):
        history = tuple(history)[max(len(history) - self.order + 1, 0) :]
        length = len(history) + 1
        lower = self.probability(word, history[1:]) if history else 1 / len(self.vocabulary)
        followers = self.followers[history]
        if not followers:
            return lower
        total = sum(count for _, count in followers)
        freed = sum(self.discount(length, count) for _, count in followers)
        count = self.counts.get((*history, word), 0)
        kept = count - self.discount(length, count) if count else 0
        return kept / total + freed / total * lower

    def counts_of_counts(self, length):
        found = Counter(count for gram, count in self.counts.items() if len(gram) == length)
        return [found[i] for i in range(5)]
