"""Engines on frames that add what SQL cannot: each topic is a pure function with its own folder."""
