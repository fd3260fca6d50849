"""The expectation suites as asset checks.

Belongs here: listing them (cheaply), running them in one step, telling Dagster and the log of outcomes how
they ended. Does not belong here: what is expected.
"""
