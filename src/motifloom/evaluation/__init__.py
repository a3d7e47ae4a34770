"""How good predictions are, how sure that is, which model is better: tables and arrays, no network."""
