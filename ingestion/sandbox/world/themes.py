"""What customers talk about: the company's themes, as its governance files define them, with sentences for
each.

Belongs here: themes and what is said about them in Portuguese and English. Does not belong here: how a
whole message is put together (phrasing.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """One theme.

    Arguments:
        weight: how often it comes up.
        kinds: kinds of utterance and their weights (`bug`, `request`, `question`, `complaint`, `praise`).
        feature: which feature's incidents make it burst.
        rules: regular expressions of the governed taxonomy; without any the theme is not governed (yet).
        subjects, sentences: by language; `{n}`, `{thing}`, `{tool}`, `{day}` are filled in.
        loss_reasons: reasons of lost deals that say the same.
        since_share: it does not come up before this share of the world's time.
    """

    theme_id: str
    name: dict[str, str]
    parent: str | None
    weight: float
    kinds: tuple[tuple[str, float], ...]
    feature: str | None
    rules: tuple[str, ...]
    subjects: dict[str, tuple[str, ...]]
    sentences: dict[str, tuple[str, ...]]
    loss_reasons: tuple[str, ...] = ()
    since_share: float = 0.0
    owner: str | None = "product"


_BUG = (("bug", 0.7), ("complaint", 0.2), ("question", 0.1))
_REQUEST = (("request", 0.85), ("question", 0.15))
_QUESTION = (("question", 0.75), ("request", 0.15), ("complaint", 0.1))

PARENTS: dict[str, dict[str, str]] = {
    "reliability": {"en": "Reliability", "pt": "Confiabilidade"},
    "product": {"en": "Product", "pt": "Produto"},
    "commercial": {"en": "Commercial", "pt": "Comercial"},
}

THEMES: tuple[Theme, ...] = (
    Theme(
        "slow_reports",
        {"en": "Slow reports", "pt": "Relatórios lentos"},
        "reliability",
        1.5,
        _BUG,
        "reports",
        (
            r"\bslow\b",
            r"takes (minutes|forever|ages)",
            r"time[sd]? out",
            r"\blent[oa]s?\b",
            r"lentid[ãa]o",
            r"demora",
        ),
        {
            "en": ("Reports take forever to load", "Very slow dashboard", "Report times out"),
            "pt": ("Relatórios muito lentos", "Painel demora a abrir", "Lentidão no relatório"),
        },
        {
            "en": (
                "The {thing} report takes {n} minutes to open since {day}.",
                "Loading the {thing} report is so slow that we gave up waiting.",
                "Our {thing} page times out with more than {n} thousand rows.",
                "Everything is slow this week, a simple filter takes ages.",
                "The report spins for {n} minutes and then says that it timed out.",
            ),
            "pt": (
                "O relatório de {thing} demora {n} minutos para abrir desde {day}.",
                "Está tudo muito lento, um filtro simples demora uma eternidade.",
                "A página de {thing} não carrega com mais de {n} mil linhas, fica lenta demais.",
                "Estamos com lentidão no relatório de {thing} e a equipe parou de usar.",
                "O painel fica girando por {n} minutos e depois dá erro de tempo esgotado, muita demora.",
            ),
        },
    ),
    Theme(
        "export_errors",
        {"en": "Exports fail", "pt": "Falhas de exportação"},
        "reliability",
        1.3,
        _BUG,
        "exports",
        (r"\bexport", r"\bcsv\b", r"\bplanilha\b", r"exporta"),
        {
            "en": ("Export fails", "CSV export is empty", "Cannot download export"),
            "pt": ("Exportação falha", "CSV vem vazio", "Não consigo baixar a exportação"),
        },
        {
            "en": (
                "The export of {thing} fails after {n} thousand rows.",
                "When I export {thing} the CSV comes out empty.",
                "The export stays in the queue since {day} and never arrives.",
                "Exported numbers have the decimal comma in the wrong place.",
                "The CSV export misses the last column of {thing}.",
            ),
            "pt": (
                "A exportação de {thing} falha depois de {n} mil linhas.",
                "Quando exporto {thing} o CSV vem vazio.",
                "A exportação está na fila desde {day} e nunca chega.",
                "A planilha exportada vem sem a última coluna de {thing}.",
                "Na exportação os acentos aparecem trocados, não dá para usar a planilha.",
            ),
        },
    ),
    Theme(
        "integration_sync",
        {"en": "Integrations do not sync", "pt": "Integrações não sincronizam"},
        "reliability",
        1.4,
        _BUG,
        "integrations",
        (r"\bsync", r"\bintegra", r"sincroniz", r"\bconnector\b", r"conector"),
        {
            "en": (
                "{tool} integration stopped syncing",
                "Sync error with {tool}",
                "Missing records from {tool}",
            ),
            "pt": (
                "Integração com {tool} parou",
                "Erro de sincronização com {tool}",
                "Faltam registros do {tool}",
            ),
        },
        {
            "en": (
                "The {tool} integration has not synced since {day}.",
                "About {n} records from {tool} are missing after the last sync.",
                "The {tool} connector shows an error about an expired token although we renewed it.",
                "Sync with {tool} runs, but changes of {thing} never arrive.",
                "Every sync with {tool} creates duplicates of {thing}.",
            ),
            "pt": (
                "A integração com {tool} não sincroniza desde {day}.",
                "Faltam cerca de {n} registros do {tool} depois da última sincronização.",
                "O conector do {tool} mostra erro de token expirado, mas já renovamos.",
                "A sincronização com {tool} roda, mas as mudanças de {thing} não chegam.",
                "Cada sincronização com {tool} cria {thing} em duplicidade.",
            ),
        },
    ),
    Theme(
        "billing_invoice",
        {"en": "Invoices and billing", "pt": "Faturas e cobrança"},
        "commercial",
        1.1,
        _QUESTION,
        None,
        (r"\binvoice", r"\bbilling\b", r"\bcharged\b", r"\bfatura", r"cobran", r"nota fiscal", r"boleto"),
        {
            "en": ("Question about our invoice", "Charged twice", "Change of billing address"),
            "pt": ("Dúvida sobre a fatura", "Cobrança em duplicidade", "Nota fiscal de {day}"),
        },
        {
            "en": (
                "We were charged twice for the month, please check invoice {n}.",
                "Could you change the billing address on our next invoice?",
                "The invoice shows {n} seats but we only have a part of them in use.",
                "Where can I download the invoices of last year?",
                "Our finance team needs the purchase order number on the invoice.",
            ),
            "pt": (
                "Recebemos a cobrança em duplicidade, podem verificar a fatura {n}?",
                "Preciso da nota fiscal do mês passado para o financeiro.",
                "A fatura mostra {n} usuários, mas usamos menos do que isso.",
                "O boleto venceu e não consigo gerar a segunda via da fatura.",
                "Como altero o endereço de cobrança?",
            ),
        },
    ),
    Theme(
        "login_access",
        {"en": "Cannot log in", "pt": "Problemas de acesso"},
        "reliability",
        1.2,
        (("bug", 0.45), ("question", 0.55)),
        "permissions",
        (r"log ?in", r"\bpassword\b", r"\bsenha\b", r"\bacess(o|ar)\b", r"locked out"),
        {
            "en": ("Cannot log in", "Password reset does not arrive", "Locked out"),
            "pt": ("Não consigo acessar", "Redefinição de senha não chega", "Usuário sem acesso"),
        },
        {
            "en": (
                "I cannot log in since {day}, it says that my password is wrong.",
                "The password reset message never arrives.",
                "A colleague is locked out after {n} attempts to log in.",
                "After logging in I am sent back to the login page again and again.",
            ),
            "pt": (
                "Não consigo acessar desde {day}, diz que a senha está errada.",
                "O e-mail de redefinição de senha não chega.",
                "Um colega ficou sem acesso depois de {n} tentativas.",
                "Depois de entrar com a senha volto sempre para a tela de acesso.",
            ),
        },
    ),
    Theme(
        "permissions_roles",
        {"en": "Permissions and roles", "pt": "Permissões e papéis"},
        "product",
        0.8,
        _REQUEST,
        None,
        (r"\bpermission", r"\broles?\b", r"permiss", r"\bperfil\b"),
        {
            "en": ("Permissions for a team", "Need a read-only role", "Roles are too coarse"),
            "pt": ("Permissões por equipe", "Perfil só de leitura", "Permissão para {thing}"),
        },
        {
            "en": (
                "We need a role that can see {thing} but not change them.",
                "Setting permissions for {n} people one by one takes a day.",
                "Is there a permission that hides {thing} from interns?",
                "Please let us copy roles from one team to another.",
            ),
            "pt": (
                "Precisamos de um perfil que veja {thing} mas não altere.",
                "Dar permissão para {n} pessoas uma por uma leva o dia inteiro.",
                "Existe alguma permissão que esconda {thing} dos estagiários?",
                "Seria ótimo copiar as permissões de uma equipe para outra.",
            ),
        },
    ),
    Theme(
        "mobile_app",
        {"en": "Mobile app", "pt": "Aplicativo móvel"},
        "product",
        0.9,
        (("bug", 0.5), ("request", 0.5)),
        None,
        (r"\bmobile\b", r"\biphone\b", r"\bandroid\b", r"\bcelular\b", r"aplicativo"),
        {
            "en": ("App closes by itself", "Dashboards on the phone", "Android app"),
            "pt": ("Aplicativo fecha sozinho", "Painéis no celular", "App Android"),
        },
        {
            "en": (
                "The mobile app closes by itself when I open {thing}.",
                "On my iPhone the {thing} charts are cut off on the right.",
                "I would love to see {thing} offline in the mobile app.",
                "The Android app logs me out every {n} hours.",
            ),
            "pt": (
                "O aplicativo fecha sozinho quando abro {thing}.",
                "No celular os gráficos de {thing} aparecem cortados.",
                "Queria ver {thing} sem internet no aplicativo.",
                "O app Android me desconecta a cada {n} horas.",
            ),
        },
    ),
    Theme(
        "data_accuracy",
        {"en": "Numbers do not match", "pt": "Números não batem"},
        "reliability",
        1.1,
        _BUG,
        "dashboards",
        (r"do(es)? not match", r"wrong (total|number)", r"n[ãa]o bate", r"n[úu]meros? errad", r"diverg"),
        {
            "en": ("Totals do not match", "Wrong numbers in {thing}", "Dashboard differs from report"),
            "pt": ("Totais não batem", "Números errados em {thing}", "Divergência no painel"),
        },
        {
            "en": (
                "The total of {thing} does not match our own count, it differs by {n}.",
                "The dashboard shows wrong numbers for {day}.",
                "Report and dashboard do not match for {thing}.",
                "Since {day} the wrong total appears after filtering by region.",
            ),
            "pt": (
                "O total de {thing} não bate com a nossa contagem, diferença de {n}.",
                "O painel mostra números errados para {day}.",
                "Relatório e painel têm divergência em {thing}.",
                "Desde {day} o total não bate depois de filtrar por região.",
            ),
        },
    ),
    Theme(
        "dashboard_sharing",
        {"en": "Sharing dashboards", "pt": "Compartilhar painéis"},
        "product",
        0.9,
        _REQUEST,
        None,
        (r"\bshar(e|ing)\b", r"compartilh", r"public link"),
        {
            "en": ("Share a dashboard with a client", "Comments on dashboards", "Sharing filters"),
            "pt": ("Compartilhar painel com cliente", "Comentários no painel", "Compartilhar filtros"),
        },
        {
            "en": (
                "We want to share a dashboard with people who have no login.",
                "Can we share {thing} filters with the whole team?",
                "Sharing by public link should expire after {n} days.",
                "It would help to comment on a chart and share it with a colleague.",
            ),
            "pt": (
                "Queremos compartilhar um painel com quem não tem usuário.",
                "Dá para compartilhar os filtros de {thing} com a equipe toda?",
                "O link compartilhado deveria expirar depois de {n} dias.",
                "Ajudaria comentar num gráfico e compartilhar com um colega.",
            ),
        },
    ),
    Theme(
        "report_editor",
        {"en": "Report editor is hard to use", "pt": "Editor de relatórios difícil"},
        "product",
        0.9,
        (("complaint", 0.4), ("question", 0.4), ("request", 0.2)),
        None,
        (r"\beditor\b", r"drag", r"arrast"),
        {
            "en": ("Report editor is confusing", "Undo in the editor", "Editor lost my work"),
            "pt": ("Editor confuso", "Desfazer no editor", "Editor perdeu meu trabalho"),
        },
        {
            "en": (
                "The report editor is confusing, I never find where to group {thing}.",
                "There is no undo in the editor, I lost {n} minutes of work.",
                "Dragging columns in the editor does not work on a small screen.",
                "How do I add a formula for {thing} in the editor?",
            ),
            "pt": (
                "O editor de relatórios é confuso, nunca acho onde agrupar {thing}.",
                "O editor não tem desfazer, perdi {n} minutos de trabalho.",
                "Arrastar colunas no editor não funciona em tela pequena.",
                "Como incluo uma fórmula de {thing} no editor?",
            ),
        },
    ),
    Theme(
        "api_limits",
        {"en": "API and its limits", "pt": "API e seus limites"},
        "product",
        0.5,
        _QUESTION,
        None,
        (r"\bapi\b", r"rate limit", r"\bwebhook"),
        {
            "en": ("API returns 429", "Webhook for {thing}", "API documentation"),
            "pt": ("API retorna 429", "Webhook de {thing}", "Documentação da API"),
        },
        {
            "en": (
                "The API answers 429 after {n} calls, what is the rate limit?",
                "Is there a webhook for changes of {thing}?",
                "The API documentation for {thing} lacks an example.",
            ),
            "pt": (
                "A API responde 429 depois de {n} chamadas, qual é o limite?",
                "Existe webhook para mudanças de {thing}?",
                "A documentação da API para {thing} não tem exemplo.",
            ),
        },
    ),
    Theme(
        "onboarding_help",
        {"en": "Getting started", "pt": "Primeiros passos"},
        "product",
        0.9,
        _QUESTION,
        None,
        (
            r"get(ting)? started",
            r"\btraining\b",
            r"\bset ?up\b",
            r"treinamento",
            r"primeir[oa]s? (passo|acesso)",
            r"configur",
        ),
        {
            "en": ("Getting started", "Training for new colleagues", "How to set up {thing}"),
            "pt": ("Primeiros passos", "Treinamento para novos colegas", "Como configurar {thing}"),
        },
        {
            "en": (
                "We are {n} new people and do not know how to get started.",
                "Is there a training for those who only look at {thing}?",
                "How do I set up {thing} for a new department?",
                "The set up asks for a key and we do not know where to find it.",
            ),
            "pt": (
                "Somos {n} pessoas novas e não sabemos por onde começar, há um treinamento?",
                "Existe treinamento para quem só consulta {thing}?",
                "Como configurar {thing} para um novo departamento?",
                "No primeiro acesso o sistema pede uma chave que não sabemos onde achar.",
            ),
        },
    ),
    Theme(
        "pricing_plan",
        {"en": "Prices and plans", "pt": "Preços e planos"},
        "commercial",
        0.7,
        (("question", 0.5), ("complaint", 0.5)),
        None,
        (
            r"\bpric(e|ing)",
            r"expensive",
            r"\bupgrade\b",
            r"\bpre[çc]o",
            r"\bcaro\b",
            r"\bplano\b",
            r"reajuste",
        ),
        {
            "en": ("Question about plans", "Price increase", "Upgrade to Growth"),
            "pt": ("Dúvida sobre planos", "Reajuste de preço", "Mudar de plano"),
        },
        {
            "en": (
                "The new price is {n} percent higher, why?",
                "It is getting too expensive for a team of our size.",
                "What changes if we upgrade the plan in the middle of the year?",
                "Does the price of the plan include {thing}?",
            ),
            "pt": (
                "O preço subiu {n} por cento, qual o motivo do reajuste?",
                "Está ficando caro para uma equipe do nosso tamanho.",
                "O que muda se trocarmos de plano no meio do ano?",
                "O preço do plano inclui {thing}?",
            ),
        },
        loss_reasons=("price",),
    ),
    Theme(
        "alerts_noise",
        {"en": "Too many alerts", "pt": "Alertas demais"},
        "product",
        0.7,
        (("bug", 0.4), ("request", 0.35), ("complaint", 0.25)),
        "alerts",
        (r"\balerts?\b", r"\bnotification", r"\balertas?\b", r"notifica"),
        {
            "en": ("Alerts come twice", "Too many notifications", "Alert did not fire"),
            "pt": ("Alertas em dobro", "Notificações demais", "Alerta não disparou"),
        },
        {
            "en": (
                "We get {n} alerts a day for {thing}, nobody reads them any more.",
                "Every alert arrives twice since {day}.",
                "The alert for {thing} did not fire although the limit was passed.",
                "Please let us pause notifications at the weekend.",
            ),
            "pt": (
                "Recebemos {n} alertas por dia de {thing}, ninguém lê mais.",
                "Cada alerta chega em dobro desde {day}.",
                "O alerta de {thing} não disparou mesmo passando do limite.",
                "Queremos pausar as notificações no fim de semana.",
            ),
        },
    ),
    Theme(
        "localisation",
        {"en": "Language and formats", "pt": "Idioma e formatos"},
        "product",
        0.7,
        (("request", 0.5), ("bug", 0.3), ("complaint", 0.2)),
        None,
        (r"\btranslat", r"date format", r"in portuguese", r"\btradu", r"em ingl[êe]s", r"formato d[ae] data"),
        {
            "en": ("Date format", "Translation of {thing}", "Interface in Portuguese"),
            "pt": ("Tela em inglês", "Formato de data", "Tradução de {thing}"),
        },
        {
            "en": (
                "The date format is American and our team reads it the other way round.",
                "The translation of {thing} mixes two languages.",
                "Our colleagues in Brazil need the screens in Portuguese.",
            ),
            "pt": (
                "A tela de {thing} ainda aparece em inglês para a nossa equipe.",
                "O formato da data é americano e confunde todo mundo.",
                "A tradução de {thing} mistura dois idiomas.",
                "As mensagens de erro vêm em inglês, metade da equipe não entende.",
            ),
        },
    ),
    Theme(
        "search",
        {"en": "Search", "pt": "Busca"},
        "product",
        0.6,
        (("bug", 0.6), ("request", 0.4)),
        "search",
        (r"\bsearch", r"\bbusca", r"pesquisa"),
        {
            "en": ("Search finds nothing", "Search by tag", "Search is unavailable"),
            "pt": ("Busca não encontra nada", "Buscar por etiqueta", "Busca fora do ar"),
        },
        {
            "en": (
                "The search finds nothing although {thing} exist.",
                "Please let us search {thing} by tag.",
                "Search returns {n} results for any word since {day}.",
            ),
            "pt": (
                "A busca não encontra nada, mas {thing} existem.",
                "Seria bom buscar {thing} por etiqueta.",
                "A busca devolve {n} resultados para qualquer palavra desde {day}.",
            ),
        },
    ),
    Theme(
        "sso_security",
        {"en": "Single sign-on and security", "pt": "Single sign-on e segurança"},
        "product",
        0.6,
        _REQUEST,
        None,
        (
            r"\bsso\b",
            r"single sign",
            r"\bsaml\b",
            r"\bsecurity\b",
            r"seguran[çc]a",
            r"two.factor",
            r"dois fatores",
            r"audit",
        ),
        {
            "en": ("Single sign-on", "Security questionnaire", "Audit log"),
            "pt": ("Single sign-on", "Questionário de segurança", "Log de auditoria"),
        },
        {
            "en": (
                "Our IT asks for single sign-on before we may add {n} people.",
                "Please fill in the attached security questionnaire.",
                "Who changed {thing} on {day}? We need an audit log.",
                "Is two factor login on the roadmap?",
            ),
            "pt": (
                "A TI exige SSO antes de liberar mais {n} pessoas.",
                "Podem preencher o questionário de segurança em anexo?",
                "Quem alterou {thing} em {day}? Precisamos de um log de auditoria.",
                "O login em dois fatores está no plano?",
            ),
        },
    ),
    Theme(
        "automation_request",
        {"en": "Automations", "pt": "Automações"},
        "product",
        0.8,
        _REQUEST,
        None,
        (r"\bautomat", r"\bworkflow", r"automa[çct]"),
        {
            "en": ("Automate a weekly task", "Automation with a condition", "Workflow for {thing}"),
            "pt": ("Automatizar tarefa semanal", "Automação com condição", "Automação de {thing}"),
        },
        {
            "en": (
                "We would like to automate the weekly report on {thing}.",
                "An automation should wait {n} hours before the next step.",
                "Can a workflow start when {thing} change?",
                "We still copy {thing} by hand, please automate this.",
            ),
            "pt": (
                "Gostaríamos de automatizar o relatório semanal de {thing}.",
                "A automação deveria esperar {n} horas antes do próximo passo.",
                "Uma automação pode começar quando {thing} mudam?",
                "Ainda copiamos {thing} à mão, seria bom automatizar.",
            ),
        },
    ),
    Theme(
        "whatsapp_alerts",
        {"en": "WhatsApp", "pt": "WhatsApp"},
        "product",
        0.55,
        _REQUEST,
        None,
        (),
        {
            "en": ("WhatsApp messages", "Send reports by WhatsApp"),
            "pt": ("Envio por WhatsApp", "Integração com WhatsApp"),
        },
        {
            "en": (
                "Our field team lives in WhatsApp, can reports go there?",
                "Please send {thing} summaries to a WhatsApp group.",
            ),
            "pt": (
                "Nossa equipe de campo vive no WhatsApp, dá para enviar os resumos por lá?",
                "Queria mandar {thing} para um grupo de WhatsApp todo dia às {n} horas.",
                "Sem WhatsApp ninguém na loja vê os números de {thing}.",
            ),
        },
        since_share=0.6,
        owner=None,
    ),
    Theme(
        "general_praise",
        {"en": "Praise", "pt": "Elogio"},
        None,
        0.25,
        (("praise", 1.0),),
        None,
        (r"\bthank(s| you) for\b", r"\blove\b", r"parab[ée]ns", r"excelente", r"adoramos"),
        {
            "en": ("Thank you", "Great release"),
            "pt": ("Obrigado", "Parabéns pela novidade"),
        },
        {
            "en": (
                "Thank you for the help with {thing}, it saved us {n} hours a week.",
                "The team loves the new {thing} page.",
            ),
            "pt": (
                "Parabéns pela página nova de {thing}, ficou excelente.",
                "Adoramos a ajuda com {thing}, economizamos {n} horas por semana.",
            ),
        },
    ),
)

BY_ID: dict[str, Theme] = {theme.theme_id: theme for theme in THEMES}

PRODUCT_THEMES: tuple[str, ...] = tuple(
    theme.theme_id for theme in THEMES if theme.parent in ("product", "reliability")
)
"""Themes that the delivery teams can do something about."""
