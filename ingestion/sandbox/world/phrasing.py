"""Puts messages together: what customers and agents write, in Portuguese and English, with the noise of
real text.

Belongs here: greetings, closings, personal data in the text, hostile and odd characters, agents' answers,
survey verbatims, notes. Does not belong here: what is said about a theme (themes.py).
"""

from __future__ import annotations

import numpy as np

from ingestion.sandbox.world.setting import pick
from ingestion.sandbox.world.themes import Theme

_THINGS = {
    "en": (
        "sales",
        "stock",
        "orders",
        "customers",
        "projects",
        "tasks",
        "campaigns",
        "visits",
        "payments",
        "tickets",
    ),
    "pt": (
        "vendas",
        "estoque",
        "pedidos",
        "clientes",
        "projetos",
        "tarefas",
        "campanhas",
        "visitas",
        "pagamentos",
    ),
}
_TOOLS = (
    "Google Sheets",
    "Salesforce",
    "SAP",
    "Slack",
    "HubSpot",
    "Power BI",
    "Shopify",
    "TOTVS",
    "Omie",
    "VTEX",
)
_DAYS = {
    "en": ("Monday", "Tuesday", "yesterday", "last week", "the 1st", "this morning"),
    "pt": ("segunda-feira", "terça", "ontem", "a semana passada", "o dia 1º", "hoje cedo"),
}
_OPENINGS = {
    "en": ("Hi,", "Hello team,", "Good morning,", "Hi there,", "", "Hello,"),
    "pt": ("Olá,", "Bom dia,", "Boa tarde, pessoal,", "Oi, tudo bem?", "", "Prezados,"),
}
_CONTEXT = {
    "en": (
        "It affects the whole team.",
        "We have a board meeting on Thursday and need this.",
        "It worked until the last release.",
        "I tried another browser, same thing.",
        "This is the third time this quarter.",
        "No hurry.",
        "",
        "",
    ),
    "pt": (
        "Afeta a equipe toda.",
        "Temos reunião de diretoria na quinta e precisamos disso.",
        "Funcionava até a última atualização.",
        "Testei em outro navegador e é igual.",
        "É a terceira vez neste trimestre.",
        "Sem pressa.",
        "",
        "",
    ),
}
_CLOSINGS = {
    "en": ("Thanks", "Best regards", "Cheers", "Thank you!", ""),
    "pt": ("Obrigado", "Abraços", "Atenciosamente", "Grata desde já!", ""),
}
_HOSTILE = (
    "<script>alert('x')</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://evil.example","click")',
    "'); DROP TABLE tickets; --",
    "{{7*7}} ${7*7}",
)
_ODD = ("🙈🔥", "مرحبا بالعالم", "\u202eevitcejdA\u202c", "Z̴a̷l̵g̶o̸", "日本語のテキスト", "👩‍👩‍👧‍👦")

_AGENT = {
    "en": (
        "Hi {name}, thanks for the details. I am looking into it.",
        "Hello {name}, could you send a screenshot and the time at which it happened?",
        "We found the cause and our engineers are on it.",
        "This is fixed now, could you try again?",
        "You can do this under Settings. Here is the article: https://help.trilha.example/a/{n}",
        "I have passed this on to the product team.",
    ),
    "pt": (
        "Olá {name}, obrigado pelos detalhes. Estou verificando.",
        "Oi {name}, poderia enviar uma imagem da tela e o horário em que aconteceu?",
        "Encontramos a causa e a engenharia já está atuando.",
        "Foi corrigido, pode testar de novo?",
        "Isso fica em Configurações. Segue o artigo: https://ajuda.trilha.example/a/{n}",
        "Encaminhei para a equipe de produto.",
    ),
}
_FOLLOW_UPS = {
    "en": (
        "Here is the screenshot.",
        "It still happens.",
        "Yes, works now, thanks!",
        "Any news?",
        "Since this morning.",
    ),
    "pt": (
        "Segue a imagem.",
        "Continua acontecendo.",
        "Agora sim, obrigado!",
        "Alguma novidade?",
        "Desde hoje cedo.",
    ),
}
AUTO_REPLY = {
    "en": "We have received your request and will answer as soon as we can. This is an automatic message.",
    "pt": "Recebemos a sua solicitação e responderemos assim que possível. Esta é uma mensagem automática.",
}
BOT_ANSWER = {
    "en": "I am the assistant. This may help: https://help.trilha.example/a/{n}. Did that answer it?",
    "pt": "Sou o assistente. Isto pode ajudar: https://ajuda.trilha.example/a/{n}. Resolveu a dúvida?",
}
INTERNAL_NOTE = {
    "en": "Seen with two other accounts this week, see the linked issue.",
    "pt": "Visto em outras duas contas nesta semana, ver a tarefa ligada.",
}
MERGE_NOTE = {
    "en": "This request was closed and merged into another request.",
    "pt": "Esta solicitação foi fechada e unida a outra solicitação.",
}

_RATING_TEXTS: dict[str, dict[str, tuple[str, ...]]] = {
    "good": {
        "en": ("Quick and friendly.", "Solved in no time.", "Great help, thank you."),
        "pt": ("Rápido e atencioso.", "Resolvido na hora.", "Ótimo atendimento, obrigada."),
    },
    "bad": {
        "en": ("Took far too long.", "The problem is still there.", "I had to explain it three times."),
        "pt": ("Demorou demais.", "O problema continua.", "Precisei explicar três vezes."),
    },
}
_NPS_TEXTS: dict[str, dict[str, tuple[str, ...]]] = {
    "praise": {
        "en": (
            "Does what it should, the team likes it.",
            "Saves us hours every week.",
            "Support is quick and the reports are clear.",
            "Easy to use, good value.",
        ),
        "pt": (
            "Faz o que promete, a equipe gosta.",
            "Economiza horas toda semana.",
            "O suporte é rápido e os relatórios são claros.",
            "Fácil de usar, bom custo-benefício.",
        ),
    },
    "passive": {
        "en": ("Good, but there is room to improve.", "Fine overall.", "OK for what we need."),
        "pt": ("Bom, mas pode melhorar.", "No geral atende.", "Ok para o que precisamos."),
    },
}
_NOTE_FRAMES = {
    "en": (
        "Call with {name}. {about} They otherwise seem happy.",
        "Quarterly review. {about} Next step: come back to them by the end of the month.",
        "{name} mentioned: {about}",
        "Renewal talk. {about} Risk if nothing happens before summer.",
    ),
    "pt": (
        "Ligação com {name}. {about} No mais, parecem satisfeitos.",
        "Revisão trimestral. {about} Próximo passo: retornar até o fim do mês.",
        "{name} comentou: {about}",
        "Conversa de renovação. {about} Risco se nada mudar até o meio do ano.",
    ),
}


def cpf(rng: np.random.Generator) -> str:
    """A Brazilian tax number with valid check digits, made up."""
    digits = [int(d) for d in rng.integers(0, 10, 9)]
    for length in (9, 10):
        total = sum(digit * (length + 1 - place) for place, digit in enumerate(digits))
        digits.append((total * 10 % 11) % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def _fill(rng: np.random.Generator, text: str, language: str) -> str:
    return text.format(
        n=int(rng.integers(2, 60)),
        thing=pick(rng, _THINGS[language]),
        tool=pick(rng, _TOOLS),
        day=pick(rng, _DAYS[language]),
    )


def subject_of(rng: np.random.Generator, theme: Theme, language: str) -> str:
    """A ticket's subject."""
    text = _fill(rng, pick(rng, theme.subjects[language]), language)
    mark = rng.random()
    if mark < 0.06:
        return text.upper() + "!!!"
    if mark < 0.1:
        return f"RE: {text}"
    return text[0].upper() + text[1:]


def sentence_of(rng: np.random.Generator, theme: Theme, language: str) -> str:
    """One sentence about a theme."""
    text = _fill(rng, pick(rng, theme.sentences[language]), language)
    return text[0].upper() + text[1:]


def message(rng: np.random.Generator, theme: Theme, language: str, writer: str, email: str | None) -> str:
    """A customer's first message: greeting, a sentence or two on the theme, context, closing, signature."""
    body = [sentence_of(rng, theme, language)]
    if rng.random() < 0.35:
        second = sentence_of(rng, theme, language)
        if second != body[0]:
            body.append(second)
    context = pick(rng, _CONTEXT[language])
    if context:
        body.append(context)
    personal = _personal(rng, language, email)
    if personal:
        body.append(personal)
    mark = rng.random()
    if mark < 0.006:
        body.append(pick(rng, _HOSTILE))
    elif mark < 0.014:
        body.append(pick(rng, _ODD))
    parts = [pick(rng, _OPENINGS[language]), " ".join(body), pick(rng, _CLOSINGS[language])]
    if rng.random() < 0.7:
        parts.append(writer)
    return "\n\n".join(part for part in parts if part)


def _personal(rng: np.random.Generator, language: str, email: str | None) -> str | None:
    """Personal data as people put it into messages: about one in twelve."""
    mark = rng.random()
    number = int(rng.integers(0, 10_000))
    if mark < 0.03:
        if language == "pt":
            return f"Meu telefone é (11) 90000-{number:04d}."
        return f"You can call me on +1 (202) 555-{number:04d}."
    if mark < 0.055 and language == "pt":
        return f"Meu CPF é {cpf(rng)}."
    if mark < 0.085 and email:
        return f"Me respondam em {email}." if language == "pt" else f"Please answer to {email}."
    if mark < 0.09:
        link = f"https://app.trilha.example/r/{number}?token=s{number:04d}k{number * 7:05d}"
        return f"Segue o link: {link}" if language == "pt" else f"Here is the link: {link}"
    return None


def agent_reply(rng: np.random.Generator, language: str, name: str) -> str:
    """An agent's public answer."""
    return pick(rng, _AGENT[language]).format(name=name.split()[0], n=int(rng.integers(100, 999)))


def follow_up(rng: np.random.Generator, language: str) -> str:
    """A customer's further message."""
    return pick(rng, _FOLLOW_UPS[language])


def rating_text(rng: np.random.Generator, language: str, score: str) -> str | None:
    """What goes with a rating, or nothing."""
    return pick(rng, _RATING_TEXTS[score][language]) if rng.random() < 0.3 else None


def survey_text(rng: np.random.Generator, language: str, score: int, theme: Theme | None) -> str | None:
    """The verbatim of a survey answer, or nothing. Detractors name a theme, promoters mostly praise."""
    if rng.random() < 0.42:
        return None
    if score >= 9:
        text = pick(rng, _NPS_TEXTS["praise"][language])
        if theme is not None and rng.random() < 0.2:
            text += " " + sentence_of(rng, theme, language)
        return text
    parts = []
    if score >= 7:
        parts.append(pick(rng, _NPS_TEXTS["passive"][language]))
    if theme is not None and (score < 7 or rng.random() < 0.7):
        parts.append(sentence_of(rng, theme, language))
    if rng.random() < 0.004:
        parts.append(pick(rng, _HOSTILE))
    return " ".join(parts) or None


def note_text(rng: np.random.Generator, language: str, name: str, theme: Theme) -> str:
    """A note or call summary of a colleague about a customer."""
    return pick(rng, _NOTE_FRAMES[language]).format(name=name, about=sentence_of(rng, theme, language))
