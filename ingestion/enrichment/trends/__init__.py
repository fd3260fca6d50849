"""What customers talk about more than before, and what no theme fits: spikes, emerging themes, candidates."""
