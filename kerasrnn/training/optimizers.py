"""The optimizers that a configuration may name."""

import keras

OPTIMIZERS = ("adamw", "muon")


def optimizer(config, *, plain: list[str] = ()) -> keras.Optimizer:
    """The optimizer of a configuration, with the whole gradient's norm clipped.

    Args:
        config: has `optimizer`, `learning_rate`, `clip_norm`, `weight_decay` (a step, times the rate),
            `accumulate` and `average`.
        plain: for "muon": patterns of the paths of variables that are no maps between hidden spaces
            (an output layer, a table of rows), which AdamW updates at half the rate.
    Returns:
        With the policy mixed_float16, inside one that scales the loss.
        adamw: Loshchilov & Hutter 2019, arXiv:1711.05101.
        muon: the momentum of each matrix, made orthogonal by four Newton–Schulz iterations and
            scaled to AdamW's size of step; Jordan et al. 2024, and Liu et al. 2025, arXiv:2502.16982.
    """
    common = {
        "learning_rate": config.learning_rate,
        "weight_decay": config.weight_decay,
        "global_clipnorm": config.clip_norm,
        "gradient_accumulation_steps": config.accumulate if config.accumulate > 1 else None,
        "use_ema": config.average > 0,
        "ema_momentum": config.average,
    }
    if config.optimizer == "adamw":
        made = keras.optimizers.AdamW(beta_2=0.99, **common)
    else:
        made = _muon(config, common, plain)
    if keras.config.dtype_policy().name != "mixed_float16":
        return made
    # Keras would wrap it too, but not when a functional model is loaded: its file lacks the policy
    return keras.optimizers.LossScaleOptimizer(made)


def _muon(config, common: dict, plain: list[str]) -> keras.optimizers.Muon:
    return keras.optimizers.Muon(
        exclude_layers=list(plain),
        momentum=0.9,
        ns_steps=4,
        adam_lr_ratio=0.5,
        adam_beta_2=0.99,
        adam_weight_decay=config.weight_decay,
        **common,
    )
