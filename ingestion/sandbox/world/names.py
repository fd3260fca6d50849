"""Names of invented persons, companies and things, in Portuguese and English.

Belongs here: word lists. Does not belong here: anything that says who exists (organisation.py, customers.py).
"""

from __future__ import annotations

import unicodedata


def _words(text: str) -> tuple[str, ...]:
    """The words of a text, one by one."""
    return tuple(text.split())


FIRST_NAMES: dict[str, tuple[str, ...]] = {
    "pt": _words(
        """
        Ana Beatriz Bruno Caio Camila Carla Carlos Cauã Clara Daniel Débora Diego Eduarda
        Eduardo Elisa Fábio Felipe Fernanda Flávia Gabriel Gabriela Gustavo Helena Heitor Igor
        Inês Isabela Ivan Joana João Jorge Júlia Juliana Karina Larissa Leandro Letícia Lívia
        Lorena Lucas Luísa Luiz Marcela Marcelo Márcia Mariana Marina Mateus Mônica Murilo
        Natália Nina Otávio Patrícia Paula Paulo Pedro Rafael Rafaela Raquel Renata Ricardo
        Roberta Rodrigo Sabrina Samuel Sérgio Sílvia Simone Sofia Tânia Tatiana Thaís Thiago
        Tiago Valéria Vanessa Vera Vinícius Vitória Wagner Yasmin
        """
    ),
    "en": _words(
        """
        Aaron Abigail Adam Alice Amelia Andrew Anna Benjamin Bethany Brian Callum Caroline
        Charles Chloe Christopher Claire Daniel David Deborah Edward Eleanor Ella Emily Emma
        Ethan Evelyn Fiona Frances George Grace Hannah Harry Heather Henry Holly Imogen Isaac
        Isla Jack Jacob James Jane Jason Jennifer Joanna John Joseph Julia Karen Kate Kevin
        Laura Lauren Leo Liam Lily Louise Lucy Luke Martha Martin Matthew Megan Michael Molly
        Nancy Nathan Nicole Noah Nora Oliver Olivia Oscar Owen Patrick Paul Peter Philip Rachel
        Rebecca Robert Ruth Ryan Samantha Sarah Sean Simon Sophie Stephen Susan Thomas Victoria
        William Zoe
        """
    ),
}

LAST_NAMES: dict[str, tuple[str, ...]] = {
    "pt": _words(
        """
        Almeida Alves Amaral Andrade Araújo Assis Azevedo Barbosa Barros Batista Borges Braga
        Brito Campos Cardoso Carneiro Carvalho Castro Cavalcanti Chaves Coelho Correia Costa
        Cunha Dantas Dias Duarte Esteves Farias Fernandes Ferreira Figueiredo Fonseca Freitas
        Furtado Garcia Gomes Gonçalves Guimarães Leal Leite Lima Lopes Macedo Machado Magalhães
        Maia Marques Martins Mello Mendes Menezes Miranda Monteiro Moraes Moreira Moura
        Nascimento Neves Nogueira Nunes Oliveira Pacheco Paiva Peixoto Pereira Pinheiro Pinto
        Pires Prado Queiroz Ramos Rezende Ribeiro Rocha Rodrigues Sales Sampaio Santana Santos
        Silva Silveira Soares Souza Tavares Teixeira Torres Vasconcelos Vaz Vieira Xavier
        """
    ),
    "en": _words(
        """
        Adams Allen Armstrong Atkinson Bailey Baker Barker Bell Bennett Brooks Brown Burke
        Butler Campbell Carter Chapman Clark Coleman Collins Cook Cooper Cox Davies Dixon Doyle
        Edwards Ellis Evans Fisher Fletcher Ford Foster Gibson Graham Grant Gray Green Griffin
        Hall Harper Harris Harrison Hart Hayes Hill Holmes Howard Hughes Hunt Jackson Jenkins
        Johnson Jones Kelly Kennedy King Knight Lawson Lee Lewis Marshall Mason Miller Mills
        Mitchell Moore Morgan Morris Murphy Murray Nelson Palmer Parker Pearson Perry Phillips
        Porter Powell Price Reed Reid Reynolds Richards Roberts Robinson Rogers Russell Ryan
        Scott Shaw Simpson Smith Stevens Stewart Sullivan Taylor Thompson Turner Walker Walsh
        Ward Watson Webb Wells West White Wood Wright Young
        """
    ),
}

COMPANY_STEMS: dict[str, tuple[str, ...]] = {
    "pt": _words(
        """
        Aurora Boa Vista Cajueiro Canoa Cerrado Colibri Farol Fonte Nova Girassol Horizonte Ipê
        Jacarandá Jangada Laranjeira Litoral Mangueira Maré Mirante Montanha Nascente Oca
        Palmeira Pampa Pedra Azul Pinhão Planalto Ponte Porto Quintal Ribeira Sabiá Seiva Serra
        Sol Tamoio Travessia Tucano Vento Sul Verde Vale Viva
        """
    ),
    "en": _words(
        """
        Acorn Anchor Arbor Beacon Birch Blue Bramble Bridge Cedar Clover Cobalt Copper Crescent
        Dover Eagle Elm Ember Falcon Fern Flint Forge Fox Granite Harbor Hawthorn Hazel Heron
        Iron Juniper Keystone Lantern Linden Maple Meadow North Oak Orchard Pebble Pine Quarry
        Raven Ridge River Rowan Sage Silver Slate Spruce Stone Summit Thistle Timber Trail
        Willow
        """
    ),
}

COMPANY_KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    "pt": (
        ("Alimentos", "food"),
        ("Logística", "logistics"),
        ("Saúde", "healthcare"),
        ("Educação", "education"),
        ("Varejo", "retail"),
        ("Móveis", "manufacturing"),
        ("Seguros", "insurance"),
        ("Energia", "energy"),
        ("Turismo", "travel"),
        ("Pagamentos", "fintech"),
        ("Engenharia", "construction"),
        ("Mídia", "media"),
    ),
    "en": (
        ("Foods", "food"),
        ("Logistics", "logistics"),
        ("Health", "healthcare"),
        ("Learning", "education"),
        ("Retail", "retail"),
        ("Works", "manufacturing"),
        ("Insurance", "insurance"),
        ("Energy", "energy"),
        ("Travel", "travel"),
        ("Payments", "fintech"),
        ("Builders", "construction"),
        ("Media", "media"),
    ),
}

JOB_TITLES: dict[str, tuple[str, ...]] = {
    "pt": (
        "Analista de Operações",
        "Coordenadora de Produto",
        "Gerente de Produto",
        "Diretor de Operações",
        "Analista de Dados",
        "Gerente Financeiro",
        "Head de Tecnologia",
        "Assistente Administrativo",
    ),
    "en": (
        "Operations Analyst",
        "Product Manager",
        "Head of Product",
        "VP Operations",
        "Data Analyst",
        "Finance Manager",
        "Engineering Lead",
        "Office Coordinator",
    ),
}

FREE_MAIL: dict[str, tuple[str, ...]] = {
    "pt": ("gmail.com", "hotmail.com", "uol.com.br", "outlook.com"),
    "en": ("gmail.com", "outlook.com", "yahoo.com", "hotmail.com"),
}


def ascii_slug(text: str) -> str:
    """Letters and digits of a name in lower case without accents."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())
