"""What of a text is read: the part that is encoded, the canonical text that duplicates share, their hashes.

Belongs here: cutting and normalising. Does not belong here: hiding personal data (`redact.py`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

import pandas as pd

# The first lines say what it is about; what follows is history, quotes and signatures.
ENCODED_CHARACTERS = 600
CANONICAL_CHARACTERS = 4_000
_NO_WORD = re.compile(r"[^\w'\u0300-\u036f]+")
_HASH_CHARACTERS = 16
_REPLY = re.compile(r"^\s*(?:(?:re|fw|fwd|res|enc|aw|tr)\s*:\s*|\[[^\]\n]{1,40}\]\s*)+", re.I | re.M)
_GREETING = re.compile(
    r"^\s*(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|ol[áa]|oi|bom dia|boa tarde|boa noite"
    r"|prezad[oa]s?|car[oa]s?)\b[^\n,.!:?]{0,40}[,.!:\n]+",
    re.I,
)
_SIGNATURE = re.compile(
    r"(?:^\s*--\s*$|^\s*(?:(?:best|kind|warm) regards|regards|cheers|thanks(?: a lot| again| in advance)?"
    r"|thank you|sincerely|yours|atenciosamente|att|abra[çc]os?|abs|obrigad[oa]|grat[oa]"
    r"|sent from my|enviado do meu)\b"
    r"[^\n]{0,40}$)",
    re.I | re.M,
)
_QUOTED = re.compile(r"^\s*>.*$|^\s*(?:on|em) .{5,120}(?:wrote|escreveu):\s*$", re.I | re.M)
_DIGITS = re.compile(r"\d+")


def joined(subject: pd.Series, body: pd.Series) -> pd.Series:
    """Subject and body as one text; a body that begins with its subject keeps it once."""
    heads = subject.fillna("").astype("str").str.strip()
    bodies = body.fillna("").astype("str")
    is_new = [not text.lstrip().startswith(head) for head, text in zip(heads, bodies, strict=True)]
    return (heads.where(pd.Series(is_new, index=heads.index), "") + "\n" + bodies).str.strip()


def encoded_text(text: object) -> str:
    """What an encoder gets: one line in lower case, letters and digits only, cut; empty where there are none.

    Arguments:
        text: anything; what is no text counts as empty.
    """
    if not isinstance(text, str):
        return ""
    words = _NO_WORD.sub(" ", text[: 4 * ENCODED_CHARACTERS].lower().replace("_", " "))
    return words.strip()[:ENCODED_CHARACTERS]


def text_hash(text: object) -> str:
    """The hash of a text; equal texts score equally, so that each is scored once."""
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""
    return hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]


def canonical_text(text: object) -> str:
    """What copies of one message share: no reply marks, greeting, signature or quoted lines, digits as 0.

    A text of which nothing would be left is kept whole.
    """
    if not isinstance(text, str):
        return ""
    plain = text[:CANONICAL_CHARACTERS].replace("\r\n", "\n")
    body = _QUOTED.sub("", _REPLY.sub("", plain))
    body = _GREETING.sub("", body, count=1)
    # A signature ends a message; thanks in the first line do not.
    for found in _SIGNATURE.finditer(body):
        if found.start() > len(body) // 3:
            body = body[: found.start()]
            break
    normal = _normalised(body)
    return normal or _normalised(plain)


def _normalised(text: str) -> str:
    words = _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).lower().replace("_", " "))
    return " ".join(_DIGITS.sub("0", words).split())
