"""A continuous stream of tokens, cut for truncated back-propagation through time.

Every row of a batch reads its own strip of the text, chunk after chunk, and carries its state along:

    row 1:  [chunk 1] → [chunk 2] → [chunk 3] → …        B rows, T steps a chunk
    row 2:  [chunk S+1] → [chunk S+2] → …                S = ceil(chunks / B) batches a pass

Each document begins a new chunk with `reset` set. The unused end of a document's last chunk has weight 0; the
state that runs over it is dropped by the reset that follows, so no mask is needed inside the recurrence.
"""

import numpy as np
import tensorflow as tf

from kerasrnn.data.batching import Batches, mine

JUDGING_ROWS = 16  # strips of a split that is judged; few, so that few contexts are cut off
JUDGING_STEPS = 256  # tokens of a judged chunk; the state runs on, so only speed hangs on it


def chunk_table(lengths: np.ndarray, steps: int) -> tuple[np.ndarray, ...]:
    """Where each chunk of each document begins.

    Args:
        lengths: (documents,) tokens in each; a document of n tokens holds n - 1 predictions.
        steps: T, predictions in a chunk.
    Returns:
        (chunks,) arrays: first token, one past the document's last token, whether the chunk opens
        its document, whether the document is long enough (over 2 T) to have its cuts moved.
    """
    counts = np.maximum(-(-(lengths - 1) // steps), 0)
    ends = np.cumsum(lengths)
    owner = np.repeat(np.arange(len(lengths)), counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = (ends - lengths)[owner] + place * steps
    return starts, ends[owner], place == 0, lengths[owner] > 2 * steps


def token_stream(documents, *, rows: int, steps: int, seed: int | None = None) -> Batches:
    """Batches of ({"tokens", "reset"}, targets, weights) that walk through the documents in order.

    Args:
        documents: integer arrays, one a document.
        rows: B, strips read side by side; where there are fewer chunks, the last rows stay idle.
        steps: T, tokens between two truncations.
        seed: shifts the cuts of long documents by a fresh amount in each pass; None leaves them in place.
    Returns:
        Batches of tokens int32 (B, T), reset bool (B,), targets int32 (B, T), weights float32 (B, T).
    Raises:
        ValueError: if no document holds two tokens.
    """
    documents = [document for document in documents if len(document) > 1]
    if not documents:
        raise ValueError("A stream needs a document of at least two tokens, got none.")
    lengths = np.array([len(document) for document in documents], np.int64)
    columns = chunk_table(lengths, steps)
    starts = columns[0]
    count = -(-len(starts) // rows)
    padding = rows * count - len(starts)
    columns = [np.concatenate([column, np.zeros(padding, column.dtype)]) for column in columns]
    kind = np.uint16 if max(int(d.max()) for d in documents) < 2**16 else np.int32
    text = np.concatenate([*documents, np.zeros(steps + 1, kind)]).astype(kind)
    with tf.device("cpu"):
        text, starts, ends, opens, movable = map(tf.constant, (text, *columns))

    def at(turn, index):
        chunk = mine(tf.range(rows, dtype=tf.int64)) * count + index
        first, end = tf.gather(starts, chunk), tf.gather(ends, chunk)
        if seed is not None:
            key = tf.stack([tf.constant(seed, tf.int64), turn])
            shift = tf.random.stateless_uniform((), key, 0, steps, tf.int64, alg="philox")
            first += tf.where(tf.gather(movable, chunk), shift, 0)
        place = first[:, None] + tf.range(steps + 1, dtype=tf.int64)
        place = tf.minimum(place, tf.size(text, tf.int64) - 1)
        tokens = tf.cast(tf.gather(text, place), tf.int32)
        weights = tf.cast(place[:, 1:] < end[:, None], tf.float32)
        # a strip begins with a fresh state even in the middle of a document
        reset = tf.gather(opens, chunk) | (index == 0)
        return {"tokens": tokens[:, :-1], "reset": reset}, tokens[:, 1:], weights

    return Batches(count, at)


def stream_batches(documents, config, seed: int | None) -> Batches:
    """`token_stream` as training reads it, with a `seed`, or as judging does, without.

    Args:
        config: has `batch_size` and `steps`, the rows and steps of training.
    """
    if seed is None:
        return token_stream(documents, rows=JUDGING_ROWS, steps=JUDGING_STEPS)
    return token_stream(documents, rows=config.batch_size, steps=config.steps, seed=seed)
