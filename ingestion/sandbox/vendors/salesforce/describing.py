"""How the org's objects describe themselves.

Belongs here: the bodies of describe. Does not belong here: which objects and fields there are (`org.py`).
"""

from __future__ import annotations

from typing import Any

from ingestion.sandbox.vendors.salesforce.org import Field, Kind

_SOAP = {
    "boolean": "xsd:boolean",
    "currency": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "double": "xsd:double",
    "id": "tns:ID",
    "int": "xsd:int",
    "percent": "xsd:double",
    "reference": "tns:ID",
    "anyType": "xsd:anyType",
    "address": "urn:address",
}


def listed(kind: Kind, root: str) -> dict[str, Any]:
    """An object as the list of objects shows it."""
    label = kind.label or kind.name
    return {
        "activateable": False,
        "associateEntityType": None,
        "createable": True,
        "custom": kind.name.endswith("__c"),
        "customSetting": False,
        "deletable": True,
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "keyPrefix": kind.prefix,
        "label": label,
        "labelPlural": f"{label}s",
        "layoutable": True,
        "mergeable": kind.name in ("Account", "Contact"),
        "mruEnabled": False,
        "name": kind.name,
        "queryable": True,
        "replicateable": kind.is_replicateable,
        "retrieveable": True,
        "searchable": kind.is_replicateable,
        "triggerable": True,
        "undeletable": kind.is_replicateable,
        "updateable": True,
        "urls": {
            "sobject": f"{root}/sobjects/{kind.name}",
            "describe": f"{root}/sobjects/{kind.name}/describe",
            "rowTemplate": f"{root}/sobjects/{kind.name}/{{ID}}",
        },
    }


def described(kind: Kind, root: str) -> dict[str, Any]:
    """An object with its fields."""
    return {
        **listed(kind, root),
        "actionOverrides": [],
        "childRelationships": [],
        "fields": [_field(field) for field in kind.fields],
        "namedLayoutInfos": [],
        "recordTypeInfos": [],
        "supportedScopes": [],
    }


def _field(field: Field) -> dict[str, Any]:
    is_number = field.type in ("currency", "double", "percent")
    return {
        "aggregatable": True,
        "autoNumber": False,
        "byteLength": field.length * 3,
        "calculated": field.is_calculated,
        "calculatedFormula": None,
        "caseSensitive": False,
        "compoundFieldName": field.compound,
        "createable": not field.is_calculated,
        "custom": field.is_custom,
        "defaultValue": None,
        "defaultedOnCreate": False,
        "deprecatedAndHidden": False,
        "digits": 8 if field.type == "int" else 0,
        "encrypted": False,
        "externalId": False,
        "filterable": field.type not in ("textarea", "address", "anyType"),
        "groupable": not is_number and field.type not in ("textarea", "address", "datetime"),
        "idLookup": field.name == "Id",
        "label": field.name.removesuffix("__c").replace("_", " "),
        "length": field.length,
        "name": field.name,
        "nameField": field.name == "Name",
        "nillable": field.is_nillable,
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}
            for value in field.values
        ],
        "precision": 18 if is_number else 0,
        "referenceTo": list(field.refers_to),
        "relationshipName": field.name.removesuffix("Id") if field.refers_to else None,
        "restrictedPicklist": False,
        "scale": 2 if is_number else 0,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "sortable": field.type not in ("textarea", "address"),
        "type": field.type,
        "unique": field.name == "Id",
        "updateable": not field.is_calculated,
    }
