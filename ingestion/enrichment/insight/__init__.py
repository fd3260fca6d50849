"""What customers say, as data: an engine on frames that needs neither warehouse nor scheduler."""
