"""The names of the cells, for those that must not load Keras; `kerasrnn.cells.CELLS` makes them."""

CELL_NAMES = (
    *("simple_rnn", "relu_rnn", "sigmoid_rnn", "irnn", "mixture_rnn", "np_rnn"),
    *("leaky_rnn", "delayed_rnn", "structured_rnn", "output_rnn", "time_delay", "unbounded"),
    *("gru", "gru_reset_before", "lstm", "projected_lstm", "peephole_lstm"),
    *("lstm_nig", "lstm_nfg", "lstm_nog", "lstm_niaf", "lstm_noaf", "lstm_cifg", "lstm_fgr"),
)
