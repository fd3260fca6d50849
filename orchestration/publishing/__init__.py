"""What readers get: the published file, Parquet, and the pages. Nothing here decides what may be
published.
"""
