"""Says the ids of objects as simple-salesforce reads them: by REST, deleted ones too, and by Bulk 2.0.

Run with a JSON text: domain, key, secret, objects, and those of them to read in bulk too.
"""

import csv
import io
import json
import sys

from simple_salesforce import Salesforce

asked = json.loads(sys.argv[1])
org = Salesforce(domain=asked["domain"], consumer_key=asked["key"], consumer_secret=asked["secret"])
told = {"rest": {}, "bulk": {}, "fields": {}}
for name in asked["objects"]:
    query = f"SELECT Id FROM {name}"
    told["rest"][name] = [row["Id"] for row in org.query_all_iter(query, include_deleted=True)]
    told["fields"][name] = [field["name"] for field in getattr(org, name).describe()["fields"]]
for name in asked["in_bulk"]:
    pages = getattr(org.bulk2, name).query_all(f"SELECT Id FROM {name}", max_records=25)
    told["bulk"][name] = [row["Id"] for page in pages for row in csv.DictReader(io.StringIO(page))]
sys.stdout.write(json.dumps(told))
