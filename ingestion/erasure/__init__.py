"""Erased people: who they are without saying it, and what of theirs is taken out of rows.

Belongs here: the list (`register.py`), what becomes of values and rows (`redaction.py`), finding and amending
what the warehouse holds (`purging.py`). Does not belong here: files outside of the warehouse, publications,
the order of an erasure: `orchestration/erasure.py`.

What is kept and what goes, in one place:

| row | what becomes of it |
|---|---|
| of a person (`Resource.whose` names its own table) | stays with ids; personal columns and payload go |
| of what they wrote or did (`Resource.whose`) | stays; words say that they were erased, payload goes |
| of anything else that mentions them | stays; address, full name and telephone number go from all text |
| what engines found in their words | themes, kind, sentiment stay; the words and their vector go |
| built from these | goes; the next build makes it anew |

No raw row is deleted: that a ticket was opened, a deal lost, a feature used is a fact about the account, and
stays true. An e-mail address becomes another one of the same domain that nobody can trace back: the domain
tells the account, and one person stays one person in all systems.

The person's address is told by the columns that make a personal key, everything else that is personal by
`Resource.personal`; what is built from raw carries `meta.contains_pii` and is not amended but made anew.
"""
