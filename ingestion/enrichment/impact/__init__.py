"""What did a delivery do to a metric: an engine on frames that needs neither warehouse nor scheduler."""
