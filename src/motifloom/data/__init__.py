"""From what a user has to the one form every model reads: windows of a packed genome and a table of examples."""
