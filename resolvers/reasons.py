"""The resolvers of fields of reason codes."""

from typing import Annotated

import strawberry

from domain.guidance.texts import guidance_on
from domain.reasons import ReasonCode


def guidance(
    root: strawberry.Parent[ReasonCode],
    locale: Annotated[
        str,
        strawberry.argument(
            description="The language of the individual, such as fr or fr-CA: English, French, German, Spanish or Italian. Others receive English."
        ),
    ] = "en",
) -> str | None:
    """What to say to the individual, in the second person: what happened, and what to do better. Null for internal and unknown codes. The text does
    not say whether the individual may retry.
    """
    return guidance_on(root.code, locale)
