"""The models: networks as plain ``nn.Module`` on one page each, and the baselines beside them.

Every network maps one-hot sequences ``(batch, 4, length)`` to logits ``(batch, tasks)``. Where labels are values, what
the networks call a logit is a value in units of the labels' spread. A :mod:`~motifloom.models.predictor` is a network
with what its outputs mean.
"""
