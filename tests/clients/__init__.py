"""Public clients of the vendors, each in its own environment, against the sandbox at the vendors' hosts."""
