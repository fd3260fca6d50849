"""The impact engine on simulated companies whose truth is known."""
