"""The models and their hyperparameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, model_validator

from motifloom.config.values import Count, Fraction, Odd, Penalty, Positive, Section

Kmer = Annotated[int, Field(ge=1, le=8)]
Features = Literal["auto", "spectrum", "positions"]
"""What a baseline reads: counts of k-mers, or the base at each position; ``auto``: what is better on validation."""


class Knn(Section):
    """k nearest neighbours; how they are found, weighted and how many is chosen on validation.

    With `embedding`, the name of a network, what its last layer reads is compared instead of sequences.
    """

    architecture: Literal["knn"] = "knn"
    kmer: Kmer = 6
    features: Features = "auto"
    weights: Literal["auto", "uniform", "distance"] = "auto"
    neighbours: Annotated[list[Count], Field(min_length=1)] = [1, 3, 9, 29, 99]
    embedding: str | None = None

    @model_validator(mode="after")
    def _compare_one_thing(self) -> Knn:
        if self.embedding is not None and self.features != "auto":
            raise ValueError(f"features: {self.features} are of sequences; an embedding is compared instead of them")
        return self


class KmerLogistic(Section):
    """Penalised logistic regression, or ridge regression of values; features and penalty are chosen on validation."""

    architecture: Literal["kmer_logistic"] = "kmer_logistic"
    kmers: Annotated[list[Kmer], Field(min_length=1)] = [3, 4, 5, 6]
    features: Features = "auto"
    penalties: Annotated[list[Positive], Field(min_length=1)] = [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0]


class GkmSvm(Section):
    """A support vector machine on gapped k-mers, by the programs of lsgkm; its cost is chosen on validation."""

    architecture: Literal["gkm_svm"] = "gkm_svm"
    kernel: Literal["gkm", "wgkm"] = "wgkm"
    word_length: Annotated[int, Field(ge=3, le=12)] = 11
    informative: Count = 7
    mismatches: Annotated[int, Field(ge=0, le=4)] = 3
    cost: Annotated[list[Positive], Field(min_length=1)] = [1.0]

    @model_validator(mode="after")
    def _fit_the_word(self) -> GkmSvm:
        if self.informative > self.word_length:
            raise ValueError(
                f"informative: expected at most the word_length {self.word_length}, found {self.informative}"
            )
        return self


class Network(Section):
    """What every network has: regularisation, and whether it reads both strands."""

    dropout: Fraction = 0.3
    weight_decay: Penalty = 1e-3
    l1: Penalty = 0.0
    l2: Penalty = 0.0
    shared_strands: bool = False


class Convolutional(Network):
    """What every network with a first convolution has: its filters are what motifs are read from."""

    filters: Count = 64
    kernel_size: Odd = 19
    stride: Count = 1
    padding: Literal["valid", "same", "full"] = "same"
    initialise: Literal["kmers", "random"] = "kmers"
    activation: Literal["relu", "exponential"] = "relu"
    batch_norm: bool = True


class Pooled(Convolutional):
    """What every network has that pools after the first convolution."""

    pooling: Literal["max", "average"] = "max"
    pool_size: Count = 5
    pool_stride: Count | None = None

    @model_validator(mode="after")
    def _leave_no_gaps(self) -> Pooled:
        if self.pool_stride is not None and self.pool_stride > self.pool_size:
            raise ValueError(
                f"pool_stride: expected at most the pool_size {self.pool_size}, found {self.pool_stride}: "
                "places between the windows would be left out"
            )
        return self


class Recurrent(Network):
    """What every network with recurrent layers has."""

    hidden: Count = 64
    layers: Count = 1
    directions: Annotated[int, Field(ge=1, le=2)] = 1
    readout: Literal["final", "max", "mean", "attention"] = "max"


class Gated(Recurrent):
    """What every network with LSTM layers has."""

    forget_bias: Annotated[float, Field(ge=0)] = 0.0


class Cnn(Pooled):
    """Convolution, pooling, convolutions, dense."""

    architecture: Literal["cnn"] = "cnn"
    activation: Literal["relu", "exponential"] = "exponential"
    dropout: Fraction = 0.5
    pool_size: Count = 25
    layers: Count = 2
    hidden: Count = 64
    dilation: Count = 1
    readout: Literal["flatten", "max", "mean", "attention"] = "flatten"


class Resnet(Pooled):
    """Convolution, pooling, residual blocks, global pooling."""

    architecture: Literal["resnet"] = "resnet"
    activation: Literal["relu", "exponential"] = "exponential"
    dropout: Fraction = 0.5
    pool_size: Count = 10
    blocks: Count = 4
    hidden: Count = 64
    readout: Literal["flatten", "max", "mean", "attention"] = "max"


class DilatedCnn(Convolutional):
    """Convolution, residual blocks of exponentially growing dilation, global pooling."""

    architecture: Literal["dilated_cnn"] = "dilated_cnn"
    activation: Literal["relu", "exponential"] = "exponential"
    blocks: Annotated[int, Field(ge=1, le=20)] = 6
    dilation: Count = 1
    readout: Literal["flatten", "max", "mean", "attention"] = "max"


class Rnn(Recurrent):
    """Simple recurrent units over the bases."""

    architecture: Literal["rnn"] = "rnn"
    dropout: Fraction = 0.1


class Lstm(Gated):
    """An LSTM over the bases."""

    architecture: Literal["lstm"] = "lstm"
    dropout: Fraction = 0.1
    forget_bias: Annotated[float, Field(ge=0)] = 1.0


class Bilstm(Gated):
    """An LSTM over the bases in both directions."""

    architecture: Literal["bilstm"] = "bilstm"
    directions: Annotated[int, Field(ge=1, le=2)] = 2


class CnnBilstm(Pooled, Gated):
    """Convolution, pooling, LSTM in both directions, dense."""

    architecture: Literal["cnn_bilstm"] = "cnn_bilstm"
    activation: Literal["relu", "exponential"] = "exponential"
    hidden: Count = 32
    directions: Annotated[int, Field(ge=1, le=2)] = 2


Model = Annotated[
    Knn | KmerLogistic | GkmSvm | Cnn | Resnet | DilatedCnn | Rnn | Lstm | Bilstm | CnnBilstm,
    Discriminator("architecture"),
]
ARCHITECTURES = (
    *("knn", "kmer_logistic", "gkm_svm"),
    *("cnn", "resnet", "dilated_cnn", "rnn", "lstm", "bilstm", "cnn_bilstm"),
)
BASELINES = (Knn, KmerLogistic, GkmSvm)
