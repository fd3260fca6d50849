"""The assets: raw tables, models, published files.

Belongs here: which assets there are, what they depend on, and the calls that make them. Does not belong
here: how rows are fetched, transformed, checked or published.
"""
