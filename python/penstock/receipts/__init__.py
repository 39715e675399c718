"""Stage 3: the provider's word becomes states. Receive and store first, apply later."""
