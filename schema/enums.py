"""Adds the enums of `domain/` to the schema, with their names and descriptions."""

import inspect

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from domain.delivery import DeliveryState
from domain.described import Described
from domain.errors import RefusalCode
from domain.event import Actor, EventType, Progress
from domain.filter import Order
from domain.identity import DocumentType
from domain.reasons import ReasonType, RetryAdvice
from domain.status import Phase, RecommendedAction, Status

NAMES: dict[type[Described], str] = {
    Status: "VerificationStatus",
    Phase: "VerificationPhase",
    Order: "VerificationOrder",
    **{
        enum: enum.__name__
        for enum in (ReasonType, RecommendedAction, RetryAdvice, DocumentType, EventType, Actor, Progress, RefusalCode, DeliveryState)
    },
}


def register() -> None:
    """Give each enum its name and its descriptions in the schema.

    If Strawberry has already read an annotation with the enum, it has created a definition of the enum. Then that definition is changed, and no
    second one is created.
    """
    for enum, name in NAMES.items():
        if "__strawberry_definition__" not in vars(enum):
            strawberry.enum(enum)
        definition: StrawberryEnumDefinition = vars(enum)["__strawberry_definition__"]
        definition.name, definition.description = name, inspect.getdoc(enum)
        for value, member in zip(definition.values, enum, strict=True):
            value.description = member.meaning
