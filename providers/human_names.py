"""The spelling of names that Yousign accepts: letters of Latin alphabets, digits, and some punctuation."""

import unicodedata

from domain.errors import InvalidInput

# The accepted characters: punctuation, and ranges from the first to the last character. Source: Yousign's API description, schema `HumanName`.
PUNCTUATION = "'()-` "
RANGES = (
    ("0", "9"),
    ("A", "Z"),
    ("a", "z"),
    ("\u00c0", "\u00cf"),
    ("\u00d1", "\u00d6"),
    ("\u00d8", "\u00dd"),
    ("\u00df", "\u00ef"),
    ("\u00f1", "\u00f6"),
    ("\u00f8", "\u00fd"),
    ("\u00ff", "\u017f"),
    ("\u0218", "\u021b"),
)
CHARACTERS = frozenset(PUNCTUATION).union(*({chr(code) for code in range(ord(first), ord(last) + 1)} for first, last in RANGES))

# Yousign accepts only the straight apostrophe. Keyboards and word processors also insert the curly one (U+2019) or the letter apostrophe (U+02BC).
APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'"})


def human_name(field: str, name: str) -> str:
    """The name in a spelling that Yousign accepts: normalized (NFC), without spaces at its ends, with straight apostrophes.

    Raises: InvalidInput with `field` if the name contains a character that Yousign does not accept.
    """
    spelled = unicodedata.normalize("NFC", name).translate(APOSTROPHES).strip(" ")
    if refused := sorted(set(spelled) - CHARACTERS):
        # The message shows the characters, and not the name: a name is personal data, and integrators may log refusals.
        raise InvalidInput(field, f"has characters that the provider does not accept: {' '.join(f'U+{ord(each):04X}' for each in refused[:5])}")
    if not spelled:
        raise InvalidInput(field, "must not be blank")
    return spelled
