"""Mikolov et al. 2011: 5-gram, feed-forward and recurrent language models of one text, and mixtures."""

from benchmarks.language_models import measure
from benchmarks.papers.result import Result

MINUTES = 12  # of training for the RNN


def run(data: str | None) -> Result:
    found = measure(data, MINUTES)
    ours = {name: round(value, 1) for name, value in found["perplexity"].items()}
    tokens = found["tokens"]
    text = "the text of --data" if data else "Python's help pages"
    return Result(
        published="Penn Treebank, test perplexity: 5-gram 141.2, feed-forward 140.2, RNN 124.7; "
        "with the 5-gram: feed-forward 116.7, RNN 105.7",
        ours=ours | {"tokens": tokens, "words": found["vocabulary"]},
        seeds="1",
        passed=ours["RNN + 5-gram"] < min(ours["RNN"], ours["5-gram"]),
        deviations=(
            f"{text} in place of Penn Treebank: {tokens['train']:,} tokens to train on in place of 930,000",
            f"the RNN is word_lm's preset small, an LSTM of 200 units, trained for {MINUTES} minutes; the "
            "paper's is Elman's, with classes of words",
            "the 5-gram has modified Kneser-Ney's discounts; the feed-forward network reads 4 words",
        ),
    )
