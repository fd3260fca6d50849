"""What issues say: summaries and descriptions in Portuguese and English.

Belongs here: words of the delivery teams. Does not belong here: what customers say (themes.py, phrasing.py).
"""

from __future__ import annotations

import numpy as np

from ingestion.sandbox.world.setting import pick

_STORY = {
    "en": (
        "Let users {verb} {thing}",
        "{thing}: {verb} from the list view",
        "Add an option to {verb} {thing}",
        "As an admin I can {verb} {thing}",
        "Show when somebody may {verb} {thing}",
        "Design how people {verb} {thing}",
    ),
    "pt": (
        "Permitir {verb} {thing}",
        "{thing}: {verb} a partir da lista",
        "Nova opção para {verb} {thing}",
        "Como administrador, quero {verb} {thing}",
        "Desenhar a tela para {verb} {thing}",
    ),
}
_BUG = {
    "en": (
        "{thing}: error 500 when the list is empty",
        "{thing} shows the numbers of the day before",
        "Wrong totals in {thing} after filtering",
        "{thing} does not load for large accounts",
        "Time zone is ignored in {thing}",
        "{thing} loses its settings after logging in again",
    ),
    "pt": (
        "{thing}: erro 500 quando a lista está vazia",
        "{thing} mostra os números do dia anterior",
        "Totais errados em {thing} depois de filtrar",
        "{thing} não carrega em contas grandes",
        "Fuso horário ignorado em {thing}",
    ),
}
_TASK = {
    "en": (
        "Clean up the code of {thing}",
        "Write the help article for {thing}",
        "Add monitoring to {thing}",
        "Upgrade the libraries behind {thing}",
        "Load test of {thing}",
        "Remove the old switch of {thing}",
    ),
    "pt": (
        "Limpar o código de {thing}",
        "Escrever o artigo de ajuda sobre {thing}",
        "Monitorar {thing}",
        "Atualizar as bibliotecas de {thing}",
        "Teste de carga de {thing}",
    ),
}
_VERBS = {
    "en": ("filter", "share", "schedule", "copy", "rename", "export", "pin", "search", "group", "restore"),
    "pt": (
        "filtrar",
        "compartilhar",
        "agendar",
        "copiar",
        "renomear",
        "exportar",
        "fixar",
        "buscar",
        "agrupar",
    ),
}
_THINGS = {
    "en": (
        "reports",
        "dashboards",
        "exports",
        "alerts",
        "saved views",
        "templates",
        "the search",
        "permissions",
    ),
    "pt": (
        "relatórios",
        "painéis",
        "exportações",
        "alertas",
        "integrações",
        "conectores",
        "modelos",
        "webhooks",
    ),
}
_SUB_TASKS = {
    "en": ("Back end", "Front end", "Tests", "Migration", "Release note"),
    "pt": ("Back-end", "Front-end", "Testes", "Migração", "Nota de versão"),
}
_WHY = {
    "en": (
        "Customers ask for this in support. See the linked tickets.",
        "Found while looking into slow pages.\n\nSteps:\n1. Open the page\n2. Apply two filters\n3. Wait",
        "Part of the epic. Acceptance: works for 10,000 rows, in both languages.",
        "Agreed in planning; details in the design file.",
    ),
    "pt": (
        "Clientes pedem isto no suporte. Ver os chamados ligados.",
        "Encontrado ao investigar lentidão.\n\nPassos:\n1. Abrir a página\n2. Filtrar duas vezes\n3. Esperar",
        "Parte do épico. Aceite: funciona com 10.000 linhas, nos dois idiomas.",
        "Combinado no planejamento; detalhes no arquivo de design.",
    ),
}
_COMMENTS = {
    "en": (
        "I can reproduce this.",
        "Waiting for the design.",
        "Deployed to staging, please have a look.",
        "Split the second half off into another issue.",
        "This is larger than we thought, adding points.",
        "Reviewed, two small remarks.",
    ),
    "pt": (
        "Consegui reproduzir.",
        "Aguardando o design.",
        "Publicado em homologação, podem testar.",
        "Separei a segunda metade em outra tarefa.",
        "É maior do que pensávamos.",
        "Revisado, dois comentários pequenos.",
    ),
}

INITIATIVES = (
    "Make it fast and dependable",
    "From first login to habit",
    "Grow with our customers",
    "Ready for large companies",
)

OTHER_EPICS: dict[str, tuple[str, ...]] = {
    "en": (
        "New navigation",
        "Notification centre",
        "Accessibility",
        "Usage based limits",
        "Data retention settings",
        "Design system, second part",
        "Saved views",
        "Event pipeline, new version",
        "Cost of hosting",
        "Trial experience",
        "Empty states",
        "Admin console",
        "Bulk import",
        "Keyboard shortcuts",
        "Scheduled reports",
        "Database upgrade",
    ),
    "pt": (
        "Conector do Google Sheets",
        "Conector de ERP",
        "Webhooks de saída",
        "Central de integrações",
        "Limites da API",
        "Log de sincronização",
        "Conector de e-commerce",
        "Reprocessamento de falhas",
    ),
}


def summary(rng: np.random.Generator, language: str, kind: str, about: str | None) -> str:
    """A summary; `about` names what the epic is about, if there is one."""
    name = about.partition(" (")[0] if about else ""
    thing = pick(rng, _THINGS[language])
    if name and rng.random() < 0.5:
        thing = name[0].lower() + name[1:]
    templates = {"story": _STORY, "bug": _BUG, "task": _TASK}[kind][language]
    text = pick(rng, templates).format(thing=thing, verb=pick(rng, _VERBS[language]))
    return text[0].upper() + text[1:]


def description(rng: np.random.Generator, language: str) -> str | None:
    """A description, or none."""
    return pick(rng, _WHY[language]) if rng.random() < 0.65 else None


def comment(rng: np.random.Generator, language: str) -> str:
    """A comment of a colleague."""
    return pick(rng, _COMMENTS[language])


def sub_task_summary(rng: np.random.Generator, language: str, parent: str, place: int) -> str:
    """The summary of the n-th sub-task."""
    names = _SUB_TASKS[language]
    return f"{names[place % len(names)]}: {parent}"[:120]
