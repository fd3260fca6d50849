"""Generated sets with known answers, in Portuguese and English: duplicates, personal data, daily counts.

Belongs here: texts and counts made from a seed. Does not belong here: measuring (`measure.py`).
"""

# ruff: noqa: E501, SIM905 (lists of formats stay readable)
from __future__ import annotations

import random
import string

import numpy as np
import pandas as pd

from ingestion.sandbox.world.themes import THEMES

_FIRST = "Maria João Ana Pedro Camila Rafael Beatriz Thiago John Emily Michael Sarah Oliver Grace Yuki Priya".split()
_LAST = (
    "Silva Souza Oliveira Santos Ferreira Almeida Smith Johnson Brown Taylor Nakamura Patel Araújo".split()
)
_GREETINGS = {
    "en": ("Hi team,\n\n", "Hello,\n", "Good morning,\n", ""),
    "pt": ("Olá,\n\n", "Bom dia,\n", "Prezados,\n", ""),
}
_ENDS = {
    "en": ("\n\nRegards,\n{name}", "\n\nThanks,\n{name}", "\n\n--\n{name}", ""),
    "pt": ("\n\nAtenciosamente,\n{name}", "\n\nObrigado,\n{name}", "\n\nAbraços,\n{name}", ""),
}


# Ordinary words in a random order: two cores have little in common, unlike sentences from few templates.
_WORDS = {
    language: sorted(
        {word.strip(".,?") for theme in THEMES for text in theme.sentences[language] for word in text.split()}
    )
    for language in ("en", "pt")
}


def sentences(language: str, rng: random.Random) -> str:
    """What a customer says about one theme."""
    theme = rng.choice(THEMES)
    chosen = rng.sample(theme.sentences[language], k=min(3, len(theme.sentences[language])))
    return " ".join(
        text.format(
            n=rng.randint(2, 90),
            thing=rng.choice(["orders", "sales", "pedidos", "vendas", "stock", "estoque"]),
            tool=rng.choice(["Slack", "HubSpot", "SAP"]),
            day=rng.choice(["Monday", "Friday", "segunda-feira", "ontem"]),
        )
        for text in chosen
    )


def duplicates(seed: int, groups: int = 400, alone: int = 1_200) -> pd.DataFrame:
    """feedback_id, text, truth_group: copies with another frame, number or a few changed letters."""
    rng = random.Random(seed)
    rows: list[tuple[str, int]] = []
    for group in range(groups + alone):
        language = rng.choice(["en", "pt"])
        core = f"{sentences(language, rng)} {' '.join(rng.sample(_WORDS[language], k=30))}."
        for copy in range(rng.randint(2, 4) if group < groups else 1):
            text = core
            if copy and rng.random() < 0.5:
                text = _mistyped(text, rng)
            if copy and rng.random() < 0.3:
                text = text + rng.choice([" Please help.", " Urgente!", " Any news?", " Aguardo retorno."])
            if copy and rng.random() < 0.3:
                text = f"RE: [#{rng.randint(1000, 99999)}] {text}"
            end = rng.choice(_ENDS[language]).format(name=f"{rng.choice(_FIRST)} {rng.choice(_LAST)}")
            rows.append((rng.choice(_GREETINGS[language]) + text + end, group))
    rng.shuffle(rows)
    return pd.DataFrame(
        {
            "feedback_id": [f"f{at:06}" for at in range(len(rows))],
            "text": [text for text, _ in rows],
            "truth_group": [group for _, group in rows],
        }
    )


def _mistyped(text: str, rng: random.Random) -> str:
    letters = list(text)
    for _ in range(rng.randint(1, 3)):
        letters[rng.randrange(len(letters))] = rng.choice(string.ascii_lowercase)
    return "".join(letters)


def daily_counts(
    seed: int, *, factor: float = 1.0, themes: int = 40, days: int = 180, dispersion: float = 0.05
) -> tuple[pd.DataFrame, list[tuple[str, pd.Timestamp]]]:
    """Daily counts of themes, and the bursts in every fourth of them (14 days at `factor`)."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2026-01-05")
    level = rng.lognormal(0.7, 0.6, themes)
    weekday = np.array([1.2, 1.1, 1.1, 1.0, 1.0, 0.4, 0.3])[np.arange(days) % 7]
    volume = np.exp(np.cumsum(rng.normal(0, 0.02, days)))
    mean = level[:, None] * weekday * volume * rng.gamma(1 / dispersion, dispersion, (themes, days))
    bursts: list[tuple[str, pd.Timestamp]] = []
    if factor != 1.0:
        for theme in range(0, themes, 4):
            day = int(rng.integers(90, days - 15))
            mean[theme, day : day + 14] *= factor
            bursts.append((f"t{theme:02}", start + pd.Timedelta(days=day)))
    counts = rng.poisson(mean)
    rows = [
        (f"t{theme:02}", start + pd.Timedelta(days=day), int(counts[theme, day]))
        for theme in range(themes)
        for day in range(days)
        if counts[theme, day]
    ]
    return pd.DataFrame(rows, columns=["theme_id", "day", "item_count"]), bursts


def personal(seed: int, count: int = 3_000) -> list[tuple[str, str, str, str]]:
    """(text, the value in it, kind, language); the sentence around it is an ordinary one."""
    rng = random.Random(seed)
    frames = {
        "en": (
            "{x}",
            "Please use {x} from now on.",
            "It fails for {x}, can you check?",
            "My details: {x}.",
            "({x})",
        ),
        "pt": (
            "{x}",
            "Favor usar {x} daqui em diante.",
            "Não funciona com {x}, podem ver?",
            "Dados: {x}.",
            "({x})",
        ),
    }
    found = []
    for _ in range(count):
        language = rng.choice(["en", "pt"])
        kind = rng.choice(["email", "phone", "cpf", "cnpj", "card", "token", "url_query"])
        value, text = _personal_value(kind, rng)
        sentence = rng.choice(frames[language]).format(x=text)
        if rng.random() < 0.5:
            sentence = f"{sentences(language, rng)} {sentence} {sentences(language, rng)}"
        found.append((sentence, value, kind, language))
    return found


def names(seed: int, count: int = 1_000) -> list[tuple[str, str, str]]:
    """(text, the name in it, language)."""
    rng = random.Random(seed)
    frames = {
        "en": (
            "Hi {n},\n{s}",
            "{s}\n\nRegards,\n{n}",
            "{s}\nThanks,\n{n}",
            "My name is {n}. {s}",
            "This is {n}. {s}",
            "I spoke to {n} yesterday. {s}",
            "{s} Our manager {n} is waiting.",
            "{n} cannot log in. {s}",
        ),
        "pt": (
            "Olá {n},\n{s}",
            "{s}\n\nAtenciosamente,\n{n}",
            "{s}\nObrigado,\n{n}",
            "Meu nome é {n}. {s}",
            "Aqui é a {n}. {s}",
            "Falei com o {n} ontem. {s}",
            "{s} Nossa gerente {n} está esperando.",
            "{n} não consegue entrar. {s}",
        ),
    }
    found = []
    for _ in range(count):
        language = rng.choice(["en", "pt"])
        name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
        found.append(
            (rng.choice(frames[language]).format(n=name, s=sentences(language, rng)), name, language)
        )
    return found


def _personal_value(kind: str, rng: random.Random) -> tuple[str, str]:
    """What must not stay, and how it is written in the text."""
    digits = "".join(str(rng.randint(0, 9)) for _ in range(20))
    letters = "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(40))
    if kind == "email":
        user = rng.choice(["{a}.{b}", "{a}_{b}", "{a}{n}", "{a}+{b}", "{a}-{n}"])
        host = rng.choice(
            ["example.com", "mail.exemplo.com.br", "corp.co.uk", "sub.dominio.org", "empresa.io"]
        )
        text = (
            user.format(a=rng.choice(_FIRST).lower(), b=rng.choice(_LAST).lower(), n=digits[:3]) + "@" + host
        )
        return text, text
    if kind == "phone":
        area, body = (
            rng.choice(["11", "21", "31", "47", "61", "85"]),
            f"9{digits[:4]}",
        )
        last, land = digits[4:8], f"{rng.randint(2, 5)}{digits[8:11]}"
        us = f"{rng.randint(2, 9)}{digits[:2]}"
        text = rng.choice(
            [
                f"({area}) {body}-{last}",
                f"{area} {body}-{last}",
                f"{area}{body}{last}",
                f"+55 {area} {body}-{last}",
                f"+55 ({area}) {body} {last}",
                f"+55{area}{body}{last}",
                f"({area}) {land}-{last}",
                f"0{area} {land}-{last}",
                f"0800 {digits[:3]} {digits[3:7]}",
                f"+1 {us}-{rng.randint(2, 9)}{digits[3:5]}-{last}",
                f"({us}) {rng.randint(2, 9)}{digits[3:5]}-{last}",
                f"{us}-{rng.randint(2, 9)}{digits[3:5]}-{last}",
                f"+44 20 {digits[:4]} {last}",
                f"+351 912 {digits[:3]} {digits[3:6]}",
                f"+49 30 {digits[:8]}",
                f"+34 6{digits[:2]} {digits[2:5]} {digits[5:8]}",
                f"0044 20 {digits[:4]} {last}",
                f"+52 55 {digits[:4]} {last}",
                f"{body}-{last}",
            ]
        )
        return text, text
    if kind == "cpf":
        nine = [int(digit) for digit in digits[:9]]
        for _ in range(2):
            total = sum(
                digit * weight for digit, weight in zip(nine, range(len(nine) + 1, 1, -1), strict=True)
            )
            nine.append(total * 10 % 11 % 10)
        raw = "".join(map(str, nine))
        text = rng.choice(
            [
                raw,
                f"{raw[:3]}.{raw[3:6]}.{raw[6:9]}-{raw[9:]}",
                f"{raw[:3]} {raw[3:6]} {raw[6:9]} {raw[9:]}",
                f"{raw[:9]}-{raw[9:]}",
            ]
        )
        return text, rng.choice([text, f"CPF {text}", f"cpf: {text}"])
    if kind == "cnpj":
        signs = string.digits if rng.random() < 0.5 else string.digits + string.ascii_uppercase
        root = "".join(rng.choice(signs) for _ in range(12))
        for _ in range(2):
            weights = [2 + at % 8 for at in range(len(root))][::-1]
            rest = sum((ord(sign) - 48) * weight for sign, weight in zip(root, weights, strict=True)) % 11
            root += str(0 if rest < 2 else 11 - rest)
        text = rng.choice([root, f"{root[:2]}.{root[2:5]}.{root[5:8]}/{root[8:12]}-{root[12:]}"])
        return text, rng.choice([text, f"CNPJ {text}"])
    if kind == "card":
        length, prefix = rng.choice(
            [(16, "4"), (16, "51"), (15, "37"), (16, "6011"), (16, "5067"), (13, "4")]
        )
        body = prefix + digits[: length - len(prefix) - 1]
        total = sum(
            sum(divmod(int(digit) * (2 if at % 2 == 0 else 1), 10)) for at, digit in enumerate(reversed(body))
        )
        raw = body + str(-total % 10)
        text = rng.choice(
            [
                raw,
                " ".join(raw[at : at + 4] for at in range(0, length, 4)),
                "-".join(raw[at : at + 4] for at in range(0, length, 4)),
            ]
        )
        return text, text
    if kind == "token":
        value = rng.choice(
            [
                f"sk_live_{letters[:24]}",
                f"ghp_{letters[:36]}",
                f"xoxb-{digits[:11]}-{letters[:24]}",
                f"AKIA{letters[:16].upper()}",
                f"eyJhbGciOiJIUzI1NiJ9.{letters[:30]}.{letters[5:35]}",
                "".join(rng.choice("0123456789abcdef") for _ in range(40)),
                f"AIza{letters[:35]}",
            ]
        )
        if rng.random() < 0.4:
            value = letters[:10] + digits[:2]
            key = rng.choice(["password: ", "senha: ", "api_key=", "token=", "Authorization: Bearer "])
            return value, key + value
        return value, value
    value = f"{rng.choice(['token', 'email', 'session', 'u'])}={letters[:16]}&id={digits[:6]}"
    return (
        value,
        f"https://{rng.choice(['app.example.com', 'www.exemplo.com.br'])}/{rng.choice(['a/b', 'login', 'relatorio'])}?{value}",
    )
