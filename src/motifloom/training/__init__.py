"""Training with PyTorch Lightning: batches, the system around a network, and the loop."""
