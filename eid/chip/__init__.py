"""One card: talking to its chip and judging what it said."""
