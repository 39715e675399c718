"""Stage 2: rows become sends. Choose a lane, claim a batch, send it, settle what came back."""
