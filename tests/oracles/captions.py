"""A captioner's networks in NumPy float64, one image and one word after the other; cells are LSTMs."""

import numpy as np

from tests.oracles.attention import attend, lstm


def weights(model) -> dict:
    """By the path behind the network's name: {"reader/image/kernel": …}."""
    return {weight.path: np.float64(weight.numpy()) for weight in model.weights}


def normal(features):
    centred = features - features.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-3)


def start(reads, vector, layer):
    """h_0 and c_0 of one layer."""
    return [
        np.tanh(
            vector @ reads[f"{layer}_{state}_from/kernel"] + reads[f"{layer}_{state}_from/bias"]
        )
        for state in "hc"
    ]


def logits(image, reads, writes, features, words):
    """Logits (T, V) of one image's words (T,).

    Args:
        image: how the words hear of the image, a value of `Config.image`.
        reads, writes: the two networks' weights, as `weights` gives them.
        features: (F,) or (L, D).
    """
    table, out = writes["table/embeddings"], writes.get("table/reverse_embeddings")
    out = table.T if out is None else out
    places = normal(np.float64(features))
    vector = places.mean(axis=0) if places.ndim == 2 else places
    x = table[words]
    if image.endswith("attention"):
        keys = places @ reads["keys/kernel"] + reads["keys/bias"]
        own = {k.split("/")[-1]: v for k, v in writes.items() if k.startswith("attention/")}
        own["query"] = own.pop("query")
        choose = (
            (lambda t, a: a)
            if image == "soft_attention"
            else (lambda t, a: np.eye(len(a))[a.argmax()])
        )
        h, context, *_ = attend(x, places, keys, own, *start(reads, vector, "lstm_1"), choose)
        u = x + h @ writes["of_state/kernel"] + context @ writes["of_place/kernel"]
        return u @ out + writes["bias/bias"]
    cell = [writes[f"lstm_1/lstm_cell/{name}"] for name in ("kernel", "recurrent_kernel", "bias")]
    h, c = np.zeros((2, len(cell[1])))
    if image == "initial_state":
        h, c = start(reads, vector, "lstm_1")
    else:
        seen = vector @ reads["image/kernel"]
        if image == "first_input":
            h, c = lstm(seen @ cell[0] + h @ cell[1] + cell[2], h, c)
        else:
            x = np.concatenate([x, np.tile(seen, (len(x), 1))], axis=1)
    rows = []
    for one in x:
        h, c = lstm(one @ cell[0] + h @ cell[1] + cell[2], h, c)
        u = h @ writes["projection/kernel"] if "projection/kernel" in writes else h
        rows.append(u @ out + writes["bias/bias"])
    return np.array(rows)
