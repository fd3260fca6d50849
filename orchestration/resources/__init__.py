"""What the assets work with: dbt's command line and project.

Belongs here: how an outside tool is started. Does not belong here: what is done with it.
"""
