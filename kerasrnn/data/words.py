"""Sentences become words, in any of the world's scripts, by TensorFlow Text and stock operations.

A sentence is put into Unicode's compatibility form (NFKC) and its case folded, so that "CAFÉ" and "café" are
one word. Punctuation and symbols are dropped. A word is a run of letters, marks and digits, joined by
apostrophes or hyphens; in scripts that are written without blanks (Han, Kana, Thai, Lao, Khmer, Burmese,
Tibetan) a letter with its marks is a word.
"""

from collections.abc import Iterable

import tensorflow as tf

from kerasrnn.data.text import utf8

SOLID = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
LETTERS = r"\p{L}\p{M}\p{N}\x{200c}\x{200d}"
JOINTS = r"'’ʼ\-"
TO_WORDS = (  # RE2, in this order
    (rf"[^{LETTERS}{JOINTS}]+", " "),
    (rf"([{SOLID}]\p{{M}}*)", r" \1 "),
    (rf"[{JOINTS}]{{2,}}", " "),
    (rf"(?:^| )[{JOINTS}]+", " "),
    (rf"[{JOINTS}]+(?: |$)", " "),
)


def tokenize(texts: tf.Tensor) -> tf.RaggedTensor:
    """Sentences, strings (B,), as their words, strings (B, words), ragged."""
    import tensorflow_text

    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    texts = tensorflow_text.normalize_utf8(texts, "NFKC")
    texts = tensorflow_text.normalize_utf8(tensorflow_text.case_fold_utf8(texts), "NFKC")
    for pattern, instead in TO_WORDS:
        texts = tf.strings.regex_replace(texts, pattern, instead)
    return tf.strings.split(texts)


def sentence_words(sentences: Iterable[str]) -> list[list[str]]:
    """The words of each sentence."""
    given = tf.constant([utf8(sentence) for sentence in sentences], tf.string)
    return [[word.decode() for word in words] for words in tokenize(given).to_list()]
