"""Stage 4: what fell through, and the periodic jobs of the one leader."""
