"""Says the ids of records as atlassian-python-api reads them, of a site in the cloud or of a data center.

Run with a JSON text: url, and name with password (cloud) or token (data center).
"""

import json
import sys

from atlassian import Jira

asked = json.loads(sys.argv[1])
is_cloud = "token" not in asked
if is_cloud:
    jira = Jira(asked["url"], username=asked["name"], password=asked["password"], cloud=True, api_version="3")
else:
    jira = Jira(asked["url"], token=asked["token"])
projects = [one["key"] for one in jira.projects(expand="lead")]
boards = jira.get_all_agile_boards(limit=50)["values"]
told = {
    "issues": [one["id"] for one in jira.jql_get_list_of_tickets("created >= '1990-01-01' ORDER BY id")],
    "versions": [one["id"] for key in projects for one in jira.get_project_versions(key)],
    "boards": [str(board["id"]) for board in boards],
    "sprints": [
        str(one["id"])
        for board in boards
        if board["type"] == "scrum"
        for one in jira.get_all_sprints_from_board(board["id"], limit=200)["values"]
    ],
}
sys.stdout.write(json.dumps(told))
