"""Says the ids of records as python-intercom reads them.

Run with a JSON text: token. Conversations are paged by hand: the pager of a search asks for its first page
for ever.
"""

import json
import sys

from intercom import Intercom
from intercom.types import SingleFilterSearchRequest, StartingAfterPaging

asked = json.loads(sys.argv[1])
client = Intercom(token=asked["token"])
told = {"conversations": [], "companies": []}
after = None
while True:
    page = client.conversations.search(
        query=SingleFilterSearchRequest(field="updated_at", operator=">", value=0),
        pagination=StartingAfterPaging(per_page=20, starting_after=after),
    )
    told["conversations"] += [one.id for one in page.items or []]
    following = page.response.pages.next
    if following is None:
        break
    after = following.starting_after
told["contacts"] = [one.id for one in client.contacts.list(per_page=50)]
told["companies"] = [one.id for one in client.companies.list(per_page=15)]
told["admins"] = [one.id for one in client.admins.list().admins]
told["teams"] = [one.id for one in client.teams.list().teams]
sys.stdout.write(json.dumps(told))
