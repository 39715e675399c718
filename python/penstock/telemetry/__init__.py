"""What operators see: metrics (all declared in metrics.py) and JSON logs."""
