"""Stage 1: a request becomes rows. No HTTP here and no sending: the other stages find what this one stored."""
